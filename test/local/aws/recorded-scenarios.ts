import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import type { Answer } from './wire.ts'

/** Calls KMS and gives the answer, error or not. */
type Ask = (operation: string, members?: Record<string, unknown>, region?: string) => Promise<Answer>

/** The answers of one case by the recording's labels; `parameters` come from the brackets of its name. */
export type Scenario = (ask: Ask, parameters: readonly string[]) => Promise<Record<string, unknown>>

const SECONDARY = 'ap-southeast-1'
const MESSAGE = Buffer.from('test message 123 !%$@ 1234567890')
const MAC_MESSAGE = Buffer.from('some important message')
const CONTEXT = { 'context-key': 'context-value' }

async function created(
  ask: Ask,
  members: Record<string, unknown> = {},
): Promise<Answer & { KeyId: string; Arn: string }> {
  const answer = await ask('CreateKey', { Description: 'test-key', ...members })
  if (!answer['KeyMetadata']) throw new Error(`CreateKey failed: ${JSON.stringify(answer)}`)
  return answer['KeyMetadata'] as Answer & { KeyId: string; Arn: string }
}

async function metadata(ask: Ask, KeyId: string): Promise<unknown> {
  return (await ask('DescribeKey', { KeyId }))['KeyMetadata']
}

function blob(answer: Answer, member: string): Buffer {
  const value = answer[member]
  if (typeof value !== 'string') throw new Error(`no ${member} in ${JSON.stringify(answer)}`)
  return Buffer.from(value, 'base64')
}

/** Wraps material for import with the public key of GetParametersForImport. */
async function parametersAndMaterial(
  ask: Ask,
  KeyId: string,
  material: Buffer,
  WrappingAlgorithm = 'RSAES_OAEP_SHA_256',
): Promise<{ parameters: Answer; members: Record<string, unknown> }> {
  // 4,096 bits where the material is too long for OAEP under 2,048
  const WrappingKeySpec = material.length > 200 ? 'RSA_4096' : 'RSA_2048'
  const parameters = await ask('GetParametersForImport', { KeyId, WrappingAlgorithm, WrappingKeySpec })
  const key = createPublicKey({ key: blob(parameters, 'PublicKey'), format: 'der', type: 'spki' })
  const oaepHash = WrappingAlgorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  const wrap = (bytes: Buffer): Buffer =>
    publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, bytes)
  let EncryptedKeyMaterial: Buffer
  if (WrappingAlgorithm.startsWith('RSA_AES')) {
    const wrapping = randomBytes(32)
    const cipher = createCipheriv('id-aes256-wrap-pad', wrapping, Buffer.from('a65959a6', 'hex'))
    EncryptedKeyMaterial = Buffer.concat([wrap(wrapping), cipher.update(material), cipher.final()])
  } else {
    EncryptedKeyMaterial = wrap(material)
  }
  const ImportToken = parameters['ImportToken']
  return { parameters, members: { KeyId, ImportToken, EncryptedKeyMaterial } }
}

const NO_EXPIRY = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }

async function imported(
  ask: Ask,
  KeyId: string,
  material: Buffer,
  more: Record<string, unknown> = {},
): Promise<Answer> {
  const { members } = await parametersAndMaterial(ask, KeyId, material)
  return ask('ImportKeyMaterial', { ...members, ...NO_EXPIRY, ...more })
}

/** Import, use and deletion of imported material, for any kind of key. */
async function importLifecycle(
  ask: Ask,
  key: { KeyId: string },
  material: Buffer,
  wrapping: string,
  use: () => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const before = await ask('DescribeKey', { KeyId: key.KeyId })
  const { members } = await parametersAndMaterial(ask, key.KeyId, material, wrapping)
  await ask('ImportKeyMaterial', { ...members, ...NO_EXPIRY })
  const after = await ask('DescribeKey', { KeyId: key.KeyId })
  const used = await use()
  await ask('DeleteImportedKeyMaterial', { KeyId: key.KeyId })
  return {
    'describe-key-before-import': before,
    'describe-before-import': before,
    'describe-key-after-import': after,
    'import-key-material-response': after,
    ...used,
    'describe-key-after-deleted-import': await ask('DescribeKey', { KeyId: key.KeyId }),
  }
}

function ellipticPrivateKey(spec: string): Buffer {
  const curves: Record<string, string> = {
    ECC_NIST_P256: 'P-256',
    ECC_NIST_P384: 'P-384',
    ECC_NIST_P521: 'P-521',
    ECC_SECG_P256K1: 'secp256k1',
  }
  const pair = generateKeyPairSync('ec', { namedCurve: curves[spec] ?? '' })
  return pair.privateKey.export({ format: 'der', type: 'pkcs8' })
}

function tags(...pairs: readonly (readonly [string, string])[]): { TagKey: string; TagValue: string }[] {
  return pairs.map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

async function tagsOf(ask: Ask, KeyId: string): Promise<unknown> {
  return (await ask('ListResourceTags', { KeyId }))['Tags']
}

async function withoutContext(ask: Ask, operation: string, members: Record<string, unknown>, member: string) {
  const { KeyId } = await created(ask)
  const answer = await ask(operation, { KeyId, EncryptionContext: CONTEXT, ...members })
  const refused = await ask('Decrypt', { KeyId, CiphertextBlob: blob(answer, member) })
  return { 'decrypt-without-encryption-context': refused }
}

const TWO = [
  ['tag1', 'value1'],
  ['tag2', 'value2'],
] as const
const THREE = [...TWO, ['tag3', 'value3']] as const

/** One scenario per recorded KMS test, by the test's name without class and parameters. */
export const KMS_SCENARIOS: Readonly<Record<string, Scenario>> = {
  test_generate_random_invalid_number_of_bytes: async (ask, [count]) => ({
    'generate-random-exc': await ask('GenerateRandom', {
      NumberOfBytes: count === 'None' ? null : Number(count),
    }),
  }),
  test_generate_random: async (ask, [count]) => ({
    result_length: blob(await ask('GenerateRandom', { NumberOfBytes: Number(count) }), 'Plaintext').length,
  }),
  test_encrypt_validate_plaintext_size_per_key_type: async (ask, [KeySpec = '', EncryptionAlgorithm]) => {
    const { KeyId } = await created(ask, { KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' })
    const Plaintext = randomBytes(1176)
    return { 'generate-random-exc': await ask('Encrypt', { KeyId, Plaintext, EncryptionAlgorithm }) }
  },
  test_create_key: async (ask) => {
    const { KeyId } = await created(ask, { Description: 'test key 123', KeyUsage: 'ENCRYPT_DECRYPT' })
    return { 'describe-key': await metadata(ask, KeyId) }
  },
  test_get_key_in_different_region: async (ask) => {
    const answer = await ask('CreateKey', { Description: 'test key 123' }, SECONDARY)
    const { KeyId, Arn } = answer['KeyMetadata'] as { KeyId: string; Arn: string }
    return {
      'describe-key-diff-region-with-id': await ask('DescribeKey', { KeyId }),
      'describe-key-diff-region-with-arn': await ask('DescribeKey', { KeyId: Arn }),
      'describe-key-same-specific-region-with-id': await ask('DescribeKey', { KeyId }, SECONDARY),
      'describe-key-same-specific-region-with-arn': await ask('DescribeKey', { KeyId: Arn }, SECONDARY),
    }
  },
  test_get_key_does_not_exist: async (ask) => {
    const { KeyId, Arn } = await created(ask)
    const absent = '134f2428-cec1-4b25-a1ae-9048164dba47'
    return {
      'describe-nonexistent-key-with-id': await ask('DescribeKey', { KeyId: absent }),
      'describe-nonexistent-with-arn': await ask('DescribeKey', { KeyId: Arn.replace(KeyId, absent) }),
      'describe-key-with-valid-id-mrk': await ask('DescribeKey', {
        KeyId: 'mrk-d3b95762d3b95762d3b95762d3b95762',
      }),
    }
  },
  test_get_key_invalid_uuid: async (ask) => ({
    'describe-key-with-invalid-uuid': await ask('DescribeKey', { KeyId: 'fake-key-id' }),
    'describe-key-with-invalid-uuid-2': await ask('DescribeKey', {
      KeyId: '134f2428cec14b25a1ae9048164dba47',
    }),
    'describe-key-with-invalid-uuid-mrk': await ask('DescribeKey', { KeyId: 'mrk-fake-key-id' }),
  }),
  test_replicate_key: async (ask) => {
    const { KeyId } = await created(ask, { MultiRegion: true, Description: 'test replicated key' })
    return {
      'describe-key-from-different-region': await ask('DescribeKey', { KeyId }, SECONDARY),
      'replicate-key': await ask('ReplicateKey', { KeyId, ReplicaRegion: SECONDARY }),
      'describe-key-from-region': await ask('DescribeKey', { KeyId }),
      'describe-replicated-key': await ask('DescribeKey', { KeyId }, SECONDARY),
    }
  },
  test_replicate_replica_key_should_fail: async (ask) => {
    const { KeyId } = await created(ask, { MultiRegion: true })
    await ask('ReplicateKey', { KeyId, ReplicaRegion: SECONDARY })
    const refused = await ask('ReplicateKey', { KeyId, ReplicaRegion: SECONDARY }, SECONDARY)
    return { 'fail-replicate-non-primary-key': refused }
  },
  test_create_alias: async (ask) => {
    const { KeyId } = await created(ask)
    return { create_alias: await ask('CreateAlias', { AliasName: 'a1b2c3', TargetKeyId: KeyId }) }
  },
  test_describe_with_alias_arn: async (ask) => {
    const key = await created(ask, { Description: 'test - description' })
    await ask('CreateAlias', { AliasName: 'alias/a1b2c3', TargetKeyId: key.KeyId })
    const KeyId = key.Arn.replace(`key/${key.KeyId}`, 'alias/a1b2c3')
    return { 'created-key': key, 'describe-key': await ask('DescribeKey', { KeyId }) }
  },
  test_sign_verify: async (ask, [KeySpec = '', SigningAlgorithm]) => {
    const { KeyId } = await created(ask, { KeySpec, KeyUsage: 'SIGN_VERIFY' })
    const request = { KeyId, SigningAlgorithm, MessageType: 'RAW' }
    const signature = await ask('Sign', { ...request, Message: MESSAGE })
    const other = await ask('Sign', { ...request, Message: Buffer.from('bad') })
    return {
      signature,
      verification: await ask('Verify', { ...request, Message: MESSAGE, Signature: signature['Signature'] }),
      'bad-digest': await ask('Sign', { ...request, MessageType: 'DIGEST', Message: MESSAGE.subarray(4) }),
      'bad-signature': await ask('Verify', { ...request, Message: MESSAGE, Signature: other['Signature'] }),
    }
  },
  test_hmac_create_key: async (ask) => {
    const key = await created(ask, {
      Description: 'test key',
      KeySpec: 'HMAC_256',
      KeyUsage: 'GENERATE_VERIFY_MAC',
    })
    return { 'create-hmac-key': key, 'describe-key': await metadata(ask, key.KeyId) }
  },
  test_hmac_create_key_invalid_operations: async (ask) => ({
    'create-hmac-key-without-key-usage': await ask('CreateKey', { KeySpec: 'HMAC_256' }),
    'create-hmac-key-invalid-spec': await ask('CreateKey', { KeySpec: 'HMAC_random' }),
    'create-hmac-key-invalid-key-usage': await ask('CreateKey', { KeySpec: 'HMAC_256', KeyUsage: 'RANDOM' }),
  }),
  test_generate_and_verify_mac: async (ask, [KeySpec, MacAlgorithm]) => {
    const { KeyId } = await created(ask, { KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' })
    const request = { Message: MAC_MESSAGE, MacAlgorithm }
    const generated = await ask('GenerateMac', { KeyId, ...request })
    const { Mac } = generated
    return {
      'generate-mac': generated,
      'verify-mac': await ask('VerifyMac', { KeyId, Mac, ...request }),
      'generate-mac-invalid-key-id': await ask('GenerateMac', { KeyId: 'key_id', ...request }),
      'verify-mac-invalid-key-id': await ask('VerifyMac', { KeyId: 'key_id', Mac, ...request }),
    }
  },
  test_invalid_generate_mac: async (ask, [KeySpec, MacAlgorithm]) => {
    const { KeyId } = await created(ask, { KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' })
    return { 'generate-mac': await ask('GenerateMac', { KeyId, Message: MAC_MESSAGE, MacAlgorithm }) }
  },
  test_invalid_verify_mac: async (ask, [KeySpec, MacAlgorithm, message = '']) => {
    const { KeyId } = await created(ask, { KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' })
    const generated = await ask('GenerateMac', { KeyId, Message: MAC_MESSAGE, MacAlgorithm: 'HMAC_SHA_256' })
    const { Mac } = generated
    const Message = Buffer.from(message)
    return {
      'generate-mac': generated,
      'verify-mac': await ask('VerifyMac', { KeyId, Mac, Message, MacAlgorithm }),
    }
  },
  test_error_messaging_for_invalid_keys: async (ask) => {
    const mac = await created(ask, { KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC' })
    const encrypting = await created(ask)
    const signing = await created(ask, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })
    const Message = Buffer.from('test message')
    const encrypted = await ask('Encrypt', { KeyId: encrypting.KeyId, Plaintext: Message })
    const SigningAlgorithm = 'RSASSA_PSS_SHA_256'
    return {
      'generate-mac-invalid-key-id': await ask('GenerateMac', {
        KeyId: encrypting.KeyId,
        Message,
        MacAlgorithm: 'HMAC_SHA_224',
      }),
      'sign-invalid-key-id': await ask('Sign', { KeyId: mac.KeyId, Message, SigningAlgorithm }),
      'verify-invalid-key-id': await ask('Verify', {
        KeyId: encrypting.KeyId,
        Message,
        Signature: Buffer.from('random text'),
        SigningAlgorithm: 'ECDSA_SHA_256',
      }),
      'encrypt-invalid-key-id': await ask('Encrypt', { KeyId: signing.KeyId, Plaintext: Message }),
      'decrypt-invalid-key-id': await ask('Decrypt', {
        KeyId: mac.KeyId,
        CiphertextBlob: blob(encrypted, 'CiphertextBlob'),
      }),
    }
  },
  test_plaintext_size_for_encrypt: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'invalid-plaintext-size-encrypt': await ask('Encrypt', { KeyId, Plaintext: randomBytes(4097) }) }
  },
  test_generate_data_key: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'generate-data-key-result': await ask('GenerateDataKey', { KeyId, KeySpec: 'AES_256' }) }
  },
  test_generate_data_key_without_plaintext: async (ask) => {
    const { KeyId } = await created(ask)
    const answer = await ask('GenerateDataKeyWithoutPlaintext', { KeyId, KeySpec: 'AES_256' })
    return { 'generate-data-key-without-plaintext': answer }
  },
  test_generate_data_key_pair: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'generate-data-key-pair': await ask('GenerateDataKeyPair', { KeyId, KeyPairSpec: 'RSA_2048' }) }
  },
  test_generate_data_key_pair_without_plaintext: async (ask) => {
    const { KeyId } = await created(ask)
    const answer = await ask('GenerateDataKeyPairWithoutPlaintext', { KeyId, KeyPairSpec: 'RSA_2048' })
    return { 'generate-data-key-pair-without-plaintext': answer }
  },
  test_generate_data_key_pair_dry_run: async (ask) => {
    const { KeyId } = await created(ask)
    const request = { KeyId, KeyPairSpec: 'RSA_2048', DryRun: true }
    return { dryrun_exception: await ask('GenerateDataKeyPair', request) }
  },
  test_generate_data_key_pair_without_plaintext_dry_run: async (ask) => {
    const { KeyId } = await created(ask)
    const request = { KeyId, KeyPairSpec: 'RSA_2048', DryRun: true }
    return { dryrun_exception: await ask('GenerateDataKeyPairWithoutPlaintext', request) }
  },
  test_encryption_context_generate_data_key: (ask) =>
    withoutContext(ask, 'GenerateDataKey', { KeySpec: 'AES_256' }, 'CiphertextBlob'),
  test_encryption_context_generate_data_key_without_plaintext: (ask) =>
    withoutContext(ask, 'GenerateDataKeyWithoutPlaintext', { KeySpec: 'AES_256' }, 'CiphertextBlob'),
  test_encryption_context_generate_data_key_pair: (ask) =>
    withoutContext(ask, 'GenerateDataKeyPair', { KeyPairSpec: 'RSA_2048' }, 'PrivateKeyCiphertextBlob'),
  test_encryption_context_generate_data_key_pair_without_plaintext: (ask) =>
    withoutContext(
      ask,
      'GenerateDataKeyPairWithoutPlaintext',
      { KeyPairSpec: 'RSA_2048' },
      'PrivateKeyCiphertextBlob',
    ),
  test_encrypt_decrypt_encryption_context: async (ask) => {
    const { KeyId } = await created(ask)
    const request = { KeyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }
    const encrypted = await ask('Encrypt', { ...request, Plaintext: MESSAGE, EncryptionContext: CONTEXT })
    const CiphertextBlob = blob(encrypted, 'CiphertextBlob')
    const decrypt = { ...request, CiphertextBlob }
    return {
      encrypt_response: encrypted,
      decrypt_response_with_encryption_context: await ask('Decrypt', {
        ...decrypt,
        EncryptionContext: CONTEXT,
      }),
      decrypt_response_without_encryption_context: await ask('Decrypt', decrypt),
      decrypt_response_with_invalid_ciphertext: await ask('Decrypt', {
        ...request,
        CiphertextBlob: CiphertextBlob.subarray(32),
        EncryptionContext: CONTEXT,
      }),
    }
  },
  test_re_encrypt: async (ask, [KeySpec, algorithm]) => {
    const members = { KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' }
    const source = await created(ask, members)
    const destination = await created(ask, members)
    const encrypted = await ask('Encrypt', {
      KeyId: source.KeyId,
      Plaintext: MESSAGE,
      EncryptionAlgorithm: algorithm,
    })
    const answer = await ask('ReEncrypt', {
      SourceKeyId: source.KeyId,
      DestinationKeyId: destination.KeyId,
      CiphertextBlob: blob(encrypted, 'CiphertextBlob'),
      SourceEncryptionAlgorithm: algorithm,
      DestinationEncryptionAlgorithm: algorithm,
    })
    return { test_re_encrypt: answer }
  },
  test_re_encrypt_incorrect_source_key: async (ask) => {
    const { KeyId } = await created(ask)
    const encrypted = await ask('Encrypt', { KeyId, Plaintext: MESSAGE })
    const mac = await created(ask, { KeySpec: 'HMAC_224', KeyUsage: 'GENERATE_VERIFY_MAC' })
    const CiphertextBlob = blob(encrypted, 'CiphertextBlob')
    const request = { SourceKeyId: mac.KeyId, DestinationKeyId: mac.KeyId, CiphertextBlob }
    return { 'incorrect-source-key': await ask('ReEncrypt', request) }
  },
  test_create_multi_region_key: async (ask) => ({
    create_multi_region_key: await created(ask, { MultiRegion: true, Description: 'test multi region key' }),
  }),
  test_non_multi_region_keys_should_not_have_multi_region_properties: async (ask) => ({
    non_multi_region_keys_should_not_have_multi_region_properties: await created(ask, {
      MultiRegion: false,
      Description: 'test non multi region key',
    }),
  }),
  test_derive_shared_secret: async (ask) => {
    const agreement = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }
    const first = await created(ask, agreement)
    const second = await created(ask, agreement)
    const signing = await created(ask, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    const symmetric = await created(ask)
    const PublicKey = blob(await ask('GetPublicKey', { KeyId: second.KeyId }), 'PublicKey')
    const request = { KeyAgreementAlgorithm: 'ECDH', PublicKey }
    return {
      response: await ask('DeriveSharedSecret', { KeyId: first.KeyId, ...request }),
      'response-invalid-key-usage': await ask('DeriveSharedSecret', { KeyId: signing.KeyId, ...request }),
      'response-invalid-key-spec': await ask('CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'KEY_AGREEMENT' }),
      'response-invalid-key-agreement-algo': await ask('DeriveSharedSecret', {
        KeyId: first.KeyId,
        PublicKey,
        KeyAgreementAlgorithm: 'INVALID',
      }),
      'response-invalid-key': await ask('DeriveSharedSecret', { KeyId: symmetric.KeyId, ...request }),
      'response-invalid-public-key': await ask('DeriveSharedSecret', {
        KeyId: first.KeyId,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: Buffer.from('InvalidPublicKey'),
      }),
    }
  },
  test_derive_shared_secret_matches_openssl: async (ask) => {
    const { KeyId } = await created(ask, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const PublicKey = publicKey.export({ format: 'der', type: 'spki' })
    const answer = await ask('DeriveSharedSecret', { KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey })
    return { 'derived-shared-key-resp': answer }
  },
  test_tag_existing_key_and_untag: async (ask) => {
    const { KeyId } = await created(ask)
    await ask('TagResource', { KeyId, Tags: tags(...TWO) })
    const before = await tagsOf(ask, KeyId)
    await ask('UntagResource', { KeyId, TagKeys: ['tag1', 'tag2'] })
    return { 'list-resource-tags': before, 'list-resource-tags-after-all-untagged': await tagsOf(ask, KeyId) }
  },
  test_create_key_with_tag_and_untag: async (ask) => {
    const { KeyId } = await created(ask, { Tags: tags(...TWO) })
    const before = await tagsOf(ask, KeyId)
    await ask('UntagResource', { KeyId, TagKeys: ['tag1', 'tag2'] })
    return { 'list-resource-tags': before, 'list-resource-tags-after-all-untagged': await tagsOf(ask, KeyId) }
  },
  test_untag_key_partially: async (ask) => {
    const { KeyId } = await created(ask, { Tags: tags(...THREE) })
    const before = await tagsOf(ask, KeyId)
    await ask('UntagResource', { KeyId, TagKeys: ['tag2'] })
    return {
      'list-resource-tags': before,
      'list-resource-tags-after-partially-untagged': await tagsOf(ask, KeyId),
    }
  },
  test_update_and_add_tags_on_tagged_key: async (ask) => {
    const { KeyId } = await created(ask, { Tags: tags(...THREE) })
    const before = await tagsOf(ask, KeyId)
    const Tags = tags(['tag4', 'value4'], ['tag2', 'updated_value2'], ['tag5', 'value5'])
    await ask('TagResource', { KeyId, Tags })
    return { 'list-resource-tags': before, 'list-resource-tags-after-tags-updated': await tagsOf(ask, KeyId) }
  },
  test_tag_key_with_duplicate_tag_keys_raises_error: async (ask) => {
    const { KeyId } = await created(ask)
    const Tags = tags(['tag1', 'value1'], ['tag1', 'another-value1'])
    return { 'duplicate-tag-keys': await ask('TagResource', { KeyId, Tags }) }
  },
  test_create_key_with_too_many_tags_raises_error: async (ask) => {
    const Tags = Array.from({ length: 51 }, (_, index) => ({ TagKey: `key${index}`, TagValue: 'value' }))
    return { 'invalid-tag-key': await ask('CreateKey', { Tags }) }
  },
  test_tag_existing_key_with_invalid_tag_key: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'invalid-tag-key': await ask('TagResource', { KeyId, Tags: tags(['aws:key1', 'value1']) }) }
  },
  test_key_with_long_tag_value_raises_error: async (ask) => ({
    'too-long-tag-value': await ask('CreateKey', { Tags: tags(['tag1', 'v'.repeat(257)]) }),
  }),
  test_create_key_with_invalid_tag_key: async (ask, [kind = '']) => {
    const keys: Record<string, string> = { lowercase_prefix: 'aws:key1', uppercase_prefix: 'AWS:key1' }
    return {
      'invalid-tag-key': await ask('CreateKey', { Tags: tags([keys[kind] ?? 'a'.repeat(129), 'value1']) }),
    }
  },
  test_key_enable_rotation_status: async (ask, [days]) => {
    const { KeyId } = await created(ask)
    await ask('EnableKeyRotation', { KeyId, RotationPeriodInDays: Number(days) })
    return { match_response: await ask('GetKeyRotationStatus', { KeyId }) }
  },
  test_rotate_key_on_demand_modifies_key_material: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'rotate-on-demand-response': await ask('RotateKeyOnDemand', { KeyId }) }
  },
  test_rotate_on_demand_returns_arn_for_key_id: async (ask) => {
    const { KeyId } = await created(ask)
    return { 'rotate-on-demand-aws-key': await ask('RotateKeyOnDemand', { KeyId }) }
  },
  test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_disabled: async (ask) => {
    const { KeyId } = await created(ask)
    return {
      'rotate-on-demand-response': await ask('RotateKeyOnDemand', { KeyId }),
      'rotation-status-response-after-rotation': await ask('GetKeyRotationStatus', { KeyId }),
    }
  },
  test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_enabled: async (ask) => {
    const { KeyId } = await created(ask)
    await ask('EnableKeyRotation', { KeyId })
    return {
      'rotate-on-demand-response': await ask('RotateKeyOnDemand', { KeyId }),
      'rotation-status-response-after-rotation': await ask('GetKeyRotationStatus', { KeyId }),
    }
  },
  test_rotate_key_on_demand_raises_error_given_key_is_disabled: async (ask) => {
    const { KeyId } = await created(ask, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
    await ask('DisableKey', { KeyId })
    return { 'error-response': await ask('RotateKeyOnDemand', { KeyId }) }
  },
  test_rotate_key_on_demand_raises_error_given_key_that_does_not_exist: async (ask) => ({
    'error-response': await ask('RotateKeyOnDemand', { KeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' }),
  }),
  test_rotate_key_on_demand_raises_error_given_non_symmetric_key: async (ask) => {
    const { KeyId } = await created(ask, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
    return { 'error-response': await ask('RotateKeyOnDemand', { KeyId }) }
  },
  test_key_rotations_encryption_decryption: async (ask) => {
    const { KeyId } = await created(ask)
    const CiphertextBlob = blob(await ask('Encrypt', { KeyId, Plaintext: MESSAGE }), 'CiphertextBlob')
    await ask('RotateKeyOnDemand', { KeyId })
    const after = await ask('Decrypt', { KeyId, CiphertextBlob })
    if (!blob(after, 'Plaintext').equals(MESSAGE)) throw new Error('rotation lost the old material')
    const longer = Buffer.concat([CiphertextBlob, Buffer.from('bad_data')])
    return { 'bad-ciphertext': await ask('Decrypt', { KeyId, CiphertextBlob: longer }) }
  },
  test_key_rotations_limits: async (ask) => {
    const { KeyId } = await created(ask)
    let answer = await ask('RotateKeyOnDemand', { KeyId })
    for (let count = 0; count < 50 && !answer['Error']; count++)
      answer = await ask('RotateKeyOnDemand', { KeyId })
    return { 'error-response': answer }
  },
  test_key_rotation_updates_current_key_material_id_for_aws_symmetric_keys: async (ask) => {
    const { KeyId } = await created(ask)
    const before = await ask('DescribeKey', { KeyId })
    await ask('RotateKeyOnDemand', { KeyId })
    return {
      'describe-key-before-rotation': before,
      'describe-key-after-rotation': await ask('DescribeKey', { KeyId }),
    }
  },
  test_get_parameters_for_import: async (ask) => {
    const { KeyId } = await created(ask)
    const request = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_4096' }
    return { 'response-error': await ask('GetParametersForImport', request) }
  },
  test_get_parameters_for_import_raises_for_non_external_kms_keys: async (ask) => {
    const { KeyId } = await created(ask)
    const request = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' }
    return { 'get-import-parameters-error': await ask('GetParametersForImport', request) }
  },
  test_import_key_symmetric: async (ask) => {
    const key = await created(ask, { Origin: 'EXTERNAL' })
    const { KeyId } = key
    const beforeImport = await ask('Encrypt', { KeyId, Plaintext: MESSAGE })
    const { members } = await parametersAndMaterial(ask, KeyId, randomBytes(32))
    const withoutValidTo = await ask('ImportKeyMaterial', members)
    const answers = await importLifecycle(ask, key, randomBytes(32), 'RSAES_OAEP_SHA_256', async () => ({}))
    return {
      'created-key': key,
      'encrypt-before-import-error': beforeImport,
      'import-expiring-key-without-valid-to': withoutValidTo,
      ...answers,
      'encrypt-after-delete-error': await ask('Encrypt', { KeyId, Plaintext: MESSAGE }),
    }
  },
  test_import_key_asymmetric: async (ask) => {
    const key = await created(ask, { Origin: 'EXTERNAL', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    const material = ellipticPrivateKey('ECC_NIST_P256')
    const answers = await importLifecycle(ask, key, material, 'RSAES_OAEP_SHA_256', async () => ({}))
    return { 'created-key': key, ...answers }
  },
  test_import_key_rsa_aes_wrap_sha256: async (ask) => {
    const key = await created(ask, { Origin: 'EXTERNAL', KeySpec: 'RSA_4096', KeyUsage: 'ENCRYPT_DECRYPT' })
    const pair = generateKeyPairSync('rsa', { modulusLength: 4096 })
    const material = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
    return importLifecycle(ask, key, material, 'RSA_AES_KEY_WRAP_SHA_256', async () => ({}))
  },
  test_import_key_ecc_keys: async (ask, [KeySpec = '']) => {
    const members = {
      Origin: 'EXTERNAL',
      KeySpec,
      KeyUsage: 'SIGN_VERIFY',
      Description: 'test ecc key import',
    }
    const key = await created(ask, members)
    const SigningAlgorithm = (key['SigningAlgorithms'] as string[])[0]
    const wrapping = 'RSAES_OAEP_SHA_1'
    return importLifecycle(ask, key, ellipticPrivateKey(KeySpec), wrapping, async () => {
      const request = { KeyId: key.KeyId, SigningAlgorithm, Message: MESSAGE }
      const signed = await ask('Sign', request)
      const verified = await ask('Verify', { ...request, Signature: signed['Signature'] })
      return { 'sign-result': signed, 'verify-result': verified }
    })
  },
  test_import_key_hmac_keys: async (ask, [KeySpec = '']) => {
    const members = { Origin: 'EXTERNAL', KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' }
    const key = await created(ask, { ...members, Description: 'test import hmac key' })
    const material = randomBytes(Number(KeySpec.slice('HMAC_'.length)) / 8)
    const MacAlgorithm = (key['MacAlgorithms'] as string[])[0]
    return importLifecycle(ask, key, material, 'RSAES_OAEP_SHA_256', async () => {
      const request = { KeyId: key.KeyId, MacAlgorithm, Message: MESSAGE }
      const generated = await ask('GenerateMac', request)
      const verified = await ask('VerifyMac', { ...request, Mac: generated['Mac'] })
      return { 'generate-mac-response': generated, 'verify-mac-response': verified }
    })
  },
  test_rotate_key_on_demand_on_external_key_with_no_key_material: async (ask, [spec = '']) => {
    const key = await created(ask, { Origin: 'EXTERNAL', KeyUsage: 'ENCRYPT_DECRYPT' })
    return {
      'create-kms-external-key': key,
      [`rotate-key-on-demand-error-response-${spec}`]: await ask('RotateKeyOnDemand', { KeyId: key.KeyId }),
    }
  },
  test_rotate_key_on_demand_updates_current_key_material_for_external_keys: async (ask) => {
    const key = await created(ask, { Origin: 'EXTERNAL', KeyUsage: 'ENCRYPT_DECRYPT' })
    const { KeyId } = key
    const first = await parametersAndMaterial(ask, KeyId, randomBytes(32))
    const empty = await ask('DescribeKey', { KeyId })
    const firstImport = await ask('ImportKeyMaterial', { ...first.members, ...NO_EXPIRY })
    const withMaterial = await ask('DescribeKey', { KeyId })
    const encrypted = await ask('Encrypt', { KeyId, Plaintext: MESSAGE })
    const secondImport = await imported(ask, KeyId, randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' })
    const withNewMaterial = await ask('DescribeKey', { KeyId })
    return {
      'create-kms-external-key': key,
      'get-import-parameters-response': first.parameters,
      'describe-empty-key-response': empty,
      'import-key-material-response': firstImport,
      'describe-key-with-material-response': withMaterial,
      'kms-encrypt-initial-response': encrypted,
      'import-new-key-material-response': secondImport,
      'describe-key-with-new-material-response': withNewMaterial,
      'rotate-key-on-demand-response': await ask('RotateKeyOnDemand', { KeyId }),
      'describe-key-after-rotation': await ask('DescribeKey', { KeyId }),
      'kms-encrypt-rotated-key-response': await ask('Encrypt', { KeyId, Plaintext: MESSAGE }),
    }
  },
  test_rotate_key_on_demand_for_external_keys_decrypts_with_previous_material: async (ask) => {
    const key = await created(ask, { Origin: 'EXTERNAL', KeyUsage: 'ENCRYPT_DECRYPT' })
    const { KeyId } = key
    const first = await imported(ask, KeyId, randomBytes(32))
    const encrypted = await ask('Encrypt', { KeyId, Plaintext: MESSAGE })
    await imported(ask, KeyId, randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' })
    const rotated = await ask('RotateKeyOnDemand', { KeyId })
    const CiphertextBlob = blob(encrypted, 'CiphertextBlob')
    const decrypted = await ask('Decrypt', { KeyId, CiphertextBlob })
    if (!blob(decrypted, 'Plaintext').equals(MESSAGE)) throw new Error('rotation lost the old material')
    return {
      'create-kms-external-key': key,
      'import-key-material-response': first,
      'kms-encrypt-initial-response': encrypted,
      'rotate-key-on-demand-response': rotated,
    }
  },
  test_import_key_material_raises_if_there_is_already_key_material_pending: async (ask) => {
    const { KeyId } = await created(ask, { Origin: 'EXTERNAL', KeyUsage: 'ENCRYPT_DECRYPT' })
    const fresh = { ImportType: 'NEW_KEY_MATERIAL' }
    return {
      'import-initial-material-response': await imported(ask, KeyId, randomBytes(32)),
      'import-pending-material-response': await imported(ask, KeyId, randomBytes(32), fresh),
      'existing-pending-material-error': await imported(ask, KeyId, randomBytes(32), fresh),
    }
  },
  test_rotate_key_on_demand_raises_for_no_pending_key_material: async (ask) => {
    const { KeyId } = await created(ask, { Origin: 'EXTERNAL', KeyUsage: 'ENCRYPT_DECRYPT' })
    await imported(ask, KeyId, randomBytes(32))
    return { 'rotate-key-on-demand-invalid-state-error': await ask('RotateKeyOnDemand', { KeyId }) }
  },
}
