import { xmlDocument } from '../xml-writer.ts'
import type { ObjectExchange } from './object-exchange.ts'

/** GetBucketEncryption: what this gateway does with every object, whatever the store does besides. */
export function bucketEncryption(context: ObjectExchange): Promise<void> {
  const body = xmlDocument('ServerSideEncryptionConfiguration', {
    Rule: {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: context.keyArn },
      BucketKeyEnabled: true,
    },
  })
  const headers = [
    'content-type',
    'application/xml',
    'content-length',
    String(body.length),
    'x-amz-request-id',
    context.exchange.id,
  ]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
  return Promise.resolve()
}
