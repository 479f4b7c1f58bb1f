/** An app as someone asks for it; absent `byok` is left to the default. */
export interface AskedApp {
  readonly type: string
  readonly byok?: boolean
}

interface Of {
  readonly organization: string
}

interface OfSite extends Of {
  readonly site: string
}

interface Credential extends Of {
  readonly name: string
  readonly expiresAt?: string
}

/** Everything that can be asked for and refused by a rule, whichever way it is asked. */
export interface Acts {
  readonly 'create-organization': { readonly id: string; readonly location: string }
  readonly 'move-organization': Of & { readonly location: string }
  readonly 'rename-organization': Of & { readonly name: string }
  readonly 'plan-byok': Of & { readonly accountId?: string }
  readonly 'set-byok': Of & {
    readonly accountId: string
    readonly roleArn: string
    readonly keys: Readonly<Record<string, string>>
  }
  readonly 'show-notification-secret': Of
  readonly 'create-site': Of & {
    readonly name: string
    readonly hosts?: readonly string[]
    readonly apps?: readonly AskedApp[]
  }
  readonly 'rename-site': OfSite & { readonly name: string }
  readonly 'set-hosts': OfSite & { readonly hosts: readonly string[] }
  readonly 'remove-site': OfSite
  readonly 'add-app': OfSite & AskedApp
  readonly 'convert-app': OfSite & { readonly type: string; readonly byok: boolean }
  readonly 'create-token': Credential & { readonly sites: readonly string[] }
  readonly 'create-access-key': Credential & { readonly site: string; readonly app: string }
  readonly 'add-administrator': Credential & { readonly subject?: string }
  readonly suspend: Of
  readonly lift: Of & { readonly suspension: string }
}

export type ActKind = keyof Acts

/** One thing that someone asks for. */
export type Act = { readonly [Kind in ActKind]: { readonly kind: Kind } & Acts[Kind] }[ActKind]

/** What each kind of act is in one way of asking. */
export type Translations<Translated> = {
  readonly [Kind in ActKind]: (act: Acts[Kind]) => Translated
}

/** An act in one way of asking. */
export function translated<Translated>(translations: Translations<Translated>, act: Act): Translated {
  // the translation of a kind takes the acts of that kind
  return (translations[act.kind] as (act: Act) => Translated)(act)
}
