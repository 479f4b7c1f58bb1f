import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATOR } from '../admin/support/api-world.ts'
import { requestOf } from '../rules/by-api.ts'
import { commandOf } from '../rules/by-command.ts'
import { actOf, RULE_CASES } from '../rules/cases.ts'
import { RuleWorld } from '../rules/rule-world.ts'
import { runCommand } from '../support/run-command.ts'

let world: RuleWorld

beforeAll(async () => {
  world = await RuleWorld.start()
})

afterAll(async () => {
  await world?.stop()
})

describe('the rules of the domain, from a shell', () => {
  it.each(RULE_CASES)('refuse $what', async (refused) => {
    const act = actOf(refused, world)
    const environment = {
      PORTCULLIS_ADMIN_URL: world.gateway.gateway.adminUrl,
      PORTCULLIS_ADMIN_TOKEN: OPERATOR,
    }
    const { method, path, body } = requestOf(act)
    const { json: problem } = await world.gateway.api(`/admin/v1/organizations${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    })

    const forPeople = await runCommand(commandOf(act), { environment })
    expect(forPeople).toMatchObject({ code: 1, out: '' })
    expect(forPeople.error).toContain(`[${refused.rule}]`)
    for (const { reason, remedy } of problem.errors as { reason: string; remedy: string }[]) {
      expect(forPeople.error.toLowerCase()).toContain(reason.toLowerCase())
      expect(forPeople.error.toLowerCase()).toContain(remedy.toLowerCase())
    }

    const forPrograms = await runCommand([...commandOf(act), '--json'], { environment })
    expect(forPrograms).toMatchObject({ code: 1 })
    const { requestId: _, ...same } = problem as Record<string, unknown>
    expect(JSON.parse(forPrograms.out)).toMatchObject(same)
  })
})
