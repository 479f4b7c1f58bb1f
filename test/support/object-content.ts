import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

/** The one bucket of the tests of S3. */
const Bucket = 'attachments'

/** Content of an object, or of a range of it. */
export async function readObject(client: S3Client, Key: string, Range?: string): Promise<Buffer> {
  const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }))
  return Buffer.from(await got.Body!.transformToByteArray())
}

/** Uploads an object of these parts. */
export async function uploadParts(client: S3Client, Key: string, bodies: readonly Buffer[]): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const Parts = []
  for (const [index, Body] of bodies.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1 }
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }))
    Parts.push({ PartNumber: index + 1, ETag })
  }
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
}
