import * as cryptography from './cryptography.ts'
import * as keys from './keys.ts'
import type { KmsOperation } from './operation.ts'
import * as policies from './policies.ts'
import * as tags from './tags.ts'

/** Every KMS operation by its wire name. */
export const KMS_OPERATIONS: ReadonlyMap<string, KmsOperation> = new Map(
  Object.entries({
    CancelKeyDeletion: keys.cancelKeyDeletion,
    CreateKey: keys.createKey,
    Decrypt: cryptography.decrypt,
    DescribeKey: keys.describeKey,
    DisableKey: keys.disableKey,
    EnableKey: keys.enableKey,
    Encrypt: cryptography.encrypt,
    GenerateDataKey: cryptography.generateDataKey,
    GenerateDataKeyWithoutPlaintext: cryptography.generateDataKeyWithoutPlaintext,
    GenerateRandom: cryptography.generateRandom,
    GetKeyPolicy: policies.getKeyPolicy,
    ListKeyPolicies: policies.listKeyPolicies,
    ListKeys: keys.listKeys,
    ListResourceTags: tags.listResourceTags,
    PutKeyPolicy: policies.putKeyPolicy,
    ReEncrypt: cryptography.reEncrypt,
    ReplicateKey: keys.replicateKey,
    ScheduleKeyDeletion: keys.scheduleKeyDeletion,
    TagResource: tags.tagResource,
    UntagResource: tags.untagResource,
    UpdateKeyDescription: keys.updateKeyDescription,
  }),
)
