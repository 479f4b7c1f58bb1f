import { expect, it } from 'vitest'
import { killDuringUploads } from '../support/kill-uploads.ts'

const UPLOADS = Number(process.env['PORTCULLIS_KILL_UPLOADS'] ?? 20)

it(
  'a gateway killed at random points of uploads loses nothing acknowledged and leaves no half object',
  {
    timeout: 30_000 + UPLOADS * 1_000,
  },
  async () => {
    const report = await killDuringUploads(UPLOADS)
    expect(report).toMatchObject({ uploads: UPLOADS, lost: [], halves: [] })
    expect(report.kills).toBeGreaterThan(0)
    expect(report.acknowledged).toBeGreaterThan(0)
  },
)
