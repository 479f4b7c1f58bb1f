import type { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll } from 'vitest'
import { ACCESS_KEYS, S3World } from './s3-world.ts'

/** A running gateway before the embedded store, with a client of each organization and one of the store itself. */
export interface S3Scene {
  world: S3World
  acme: S3Client
  umbrella: S3Client
  direct: S3Client
}

/** Starts a scene before the tests of a file and stops it behind them; it is empty until then. */
export function s3Scene(): S3Scene {
  const scene = {} as S3Scene
  beforeAll(async () => {
    const world = await S3World.start()
    scene.world = world
    await world.gateway()
    scene.acme = world.client(ACCESS_KEYS.acme)
    scene.umbrella = world.client(ACCESS_KEYS.umbrella)
    scene.direct = world.direct()
  })
  afterAll(() => scene.world?.stop())
  return scene
}
