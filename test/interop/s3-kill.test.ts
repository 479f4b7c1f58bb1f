import { expect, it } from 'vitest'
import { killDuringUploads } from '../support/kill-uploads.ts'

it(
  'a gateway killed at random points of 200 uploads loses nothing acknowledged and leaves no half object',
  { timeout: 900_000 },
  async () => {
    const report = await killDuringUploads(200)
    process.stdout.write(`${JSON.stringify(report)}\n`)
    expect(report).toMatchObject({ uploads: 200, lost: [], halves: [] })
    expect(report.acknowledged).toBeGreaterThan(30)
  },
)
