import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe } from 'vitest'
import { ACCESS_KEYS, BUCKET, ProxyHarness, STORE_CREDENTIAL } from '../protocol/s3/proxy-harness.ts'
import { CephRgw, hasCeph } from './ceph-rgw.ts'
import { testOperations } from './s3-operations.ts'

describe.skipIf(!hasCeph())(
  'Ceph RGW as store (skipped where ceph-mon, ceph-osd or radosgw are absent)',
  () => {
    const harness = new ProxyHarness()
    let ceph: CephRgw
    let client: S3Client

    beforeAll(async () => {
      ceph = await CephRgw.start(STORE_CREDENTIAL)
      await harness.start({ endpoint: ceph.endpoint, stop: () => ceph.stop() })
      client = harness.client(ACCESS_KEYS.acme)
      // Any other region would have to be one that the cluster knows.
      const direct = harness.client(STORE_CREDENTIAL, { endpoint: ceph.endpoint, region: 'us-east-1' })
      await direct.send(new CreateBucketCommand({ Bucket: BUCKET }))
    })
    afterAll(() => harness.stop())

    testOperations(
      () => client,
      () => harness.url,
    )
  },
)
