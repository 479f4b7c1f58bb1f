// Many clients take an entity tag of 32 hexadecimal digits for the MD5 of the content, whatever the encryption
// headers say, and would find every object corrupt. With a part count, it is one of a multipart object to all of them.
const SUFFIX = '-0'
const LIKE_MD5 = /^("?)([0-9a-fA-F]{32})("?)$/
const MARKED = /([0-9a-fA-F]{32})-0("?)(?=[\s,]|$)/g

/** A store's entity tag as clients see it: never one that could be an MD5. */
export function clientEtag(storeEtag: string): string {
  return storeEtag.replace(LIKE_MD5, `$1$2${SUFFIX}$3`)
}

/** Entity tags of a client, one or a list, as the store knows them. */
export function storeEtags(clientEtags: string): string {
  return clientEtags.includes(SUFFIX) ? clientEtags.replace(MARKED, '$1$2') : clientEtags
}
