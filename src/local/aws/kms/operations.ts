import * as aliases from './aliases.ts'
import * as cryptography from './cryptography.ts'
import * as grants from './grants.ts'
import * as importing from './import.ts'
import * as keys from './keys.ts'
import * as lifecycle from './lifecycle.ts'
import * as multiRegion from './multi-region.ts'
import type { KmsOperation } from './operation.ts'
import * as policies from './policies.ts'
import * as rotation from './rotation.ts'
import * as signing from './signing.ts'
import * as tags from './tags.ts'

/** Every KMS operation by its wire name. */
export const KMS_OPERATIONS: ReadonlyMap<string, KmsOperation> = new Map(
  Object.entries({
    CancelKeyDeletion: lifecycle.cancelKeyDeletion,
    CreateAlias: aliases.createAlias,
    CreateGrant: grants.createGrant,
    CreateKey: keys.createKey,
    Decrypt: cryptography.decrypt,
    DeleteAlias: aliases.deleteAlias,
    DeleteImportedKeyMaterial: importing.deleteImportedKeyMaterial,
    DeriveSharedSecret: signing.deriveSharedSecret,
    DescribeKey: keys.describeKey,
    DisableKey: lifecycle.disableKey,
    DisableKeyRotation: rotation.disableKeyRotation,
    EnableKey: lifecycle.enableKey,
    EnableKeyRotation: rotation.enableKeyRotation,
    Encrypt: cryptography.encrypt,
    GenerateDataKey: cryptography.generateDataKey,
    GenerateDataKeyPair: cryptography.generateDataKeyPair,
    GenerateDataKeyPairWithoutPlaintext: cryptography.generateDataKeyPairWithoutPlaintext,
    GenerateDataKeyWithoutPlaintext: cryptography.generateDataKeyWithoutPlaintext,
    GenerateMac: signing.generateMac,
    GenerateRandom: cryptography.generateRandom,
    GetKeyPolicy: policies.getKeyPolicy,
    GetKeyRotationStatus: rotation.getKeyRotationStatus,
    GetParametersForImport: importing.getParametersForImport,
    GetPublicKey: signing.getPublicKey,
    ImportKeyMaterial: importing.importKeyMaterial,
    ListAliases: aliases.listAliases,
    ListGrants: grants.listGrants,
    ListKeyPolicies: policies.listKeyPolicies,
    ListKeyRotations: rotation.listKeyRotations,
    ListKeys: keys.listKeys,
    ListResourceTags: tags.listResourceTags,
    ListRetirableGrants: grants.listRetirableGrants,
    PutKeyPolicy: policies.putKeyPolicy,
    ReEncrypt: cryptography.reEncrypt,
    ReplicateKey: multiRegion.replicateKey,
    RetireGrant: grants.retireGrant,
    RevokeGrant: grants.revokeGrant,
    RotateKeyOnDemand: rotation.rotateKeyOnDemand,
    ScheduleKeyDeletion: lifecycle.scheduleKeyDeletion,
    Sign: signing.sign,
    TagResource: tags.tagResource,
    UntagResource: tags.untagResource,
    UpdateAlias: aliases.updateAlias,
    UpdateKeyDescription: keys.updateKeyDescription,
    UpdatePrimaryRegion: multiRegion.updatePrimaryRegion,
    Verify: signing.verify,
    VerifyMac: signing.verifyMac,
  }),
)
