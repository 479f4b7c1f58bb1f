import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOCATIONS } from '../../src/config/locations.ts'
import { cloudFormation } from '../../src/onboarding/cloudformation.ts'
import { planOnboarding } from '../../src/onboarding/plan.ts'
import type { OnboardingPlan } from '../../src/onboarding/plan.ts'
import { terraform } from '../../src/onboarding/terraform.ts'

const INSTALL_TIMEOUT_MS = 300_000

const GO_MODULE = `module hclcheck

go 1.23

require github.com/hashicorp/hcl/v2 v2.24.0
`

const HCL_CHECK = `package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

func main() {
	for _, path := range os.Args[1:] {
		source, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		_, diagnostics := hclsyntax.ParseConfig(source, path, hcl.InitialPos)
		if diagnostics.HasErrors() {
			fmt.Fprintln(os.Stderr, diagnostics.Error())
			os.Exit(1)
		}
		if string(hclwrite.Format(source)) != string(source) {
			fmt.Fprintln(os.Stderr, path+": not in canonical format")
			os.Exit(1)
		}
	}
}
`

const directory = mkdtempSync(join(tmpdir(), 'onboarding-templates-'))
const python = join(directory, 'venv', 'bin', 'python')
let pythonTools: string | undefined
let goTools: string | undefined

/** Undefined when it worked, else why these tests are skipped. */
function attempt(what: string, install: () => void): string | undefined {
  try {
    install()
    return undefined
  } catch (thrown) {
    return `${what} cannot be installed here: ${String(thrown).split('\n')[0]}`
  }
}

function run(command: string, parameters: readonly string[], cwd = directory): string {
  return execFileSync(command, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function plans(): OnboardingPlan[] {
  return LOCATIONS.flatMap(({ id }) =>
    ['https://gateway.example/notifications', undefined].map((notificationEndpoint) =>
      planOnboarding({
        organization: 'acme',
        accountId: '111122223333',
        location: id,
        gatewayPrincipalArn: 'arn:aws:iam::444455556666:role/gateway',
        externalId: 'acme-5f1c7d0e9b3a4286',
        notificationEndpoint,
      }),
    ),
  )
}

function write(files: readonly { fileName: string; text: string }[], prefix: string): string[] {
  return files.map(({ fileName, text }) => {
    const path = join(directory, `${prefix}-${fileName}`)
    writeFileSync(path, text)
    return path
  })
}

beforeAll(() => {
  pythonTools = attempt('cfn-lint and python-hcl2', () => {
    run('python3', ['-m', 'venv', 'venv'])
    run(python, ['-m', 'pip', 'install', '--quiet', 'cfn-lint==1.58.0', 'python-hcl2==8.1.4'])
  })
  goTools = attempt('the HCL parser of Go', () => {
    writeFileSync(join(directory, 'main.go'), HCL_CHECK)
    writeFileSync(join(directory, 'go.mod'), GO_MODULE)
    run('go', ['mod', 'tidy'])
    run('go', ['build', '-o', 'hclcheck', '.'])
  })
}, INSTALL_TIMEOUT_MS)

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('generated CloudFormation', () => {
  it(
    'passes cfn-lint for every location, with and without notifications',
    { timeout: INSTALL_TIMEOUT_MS },
    (context) => {
      context.skip(pythonTools !== undefined, pythonTools)
      const paths = plans().flatMap((plan, index) => write(cloudFormation(plan), String(index)))
      expect(run(join(directory, 'venv', 'bin', 'cfn-lint'), ['--include-checks', 'I', '--', ...paths])).toBe(
        '',
      )
    },
  )
})

describe('generated Terraform', () => {
  it('is read by python-hcl2, with the resources it should have', (context) => {
    context.skip(pythonTools !== undefined, pythonTools)
    const paths = plans().flatMap((plan, index) => write(terraform(plan), String(index)))
    const script = 'import hcl2,json,sys\nprint(json.dumps([hcl2.load(open(p)) for p in sys.argv[1:]]))'
    const documents = JSON.parse(run(python, ['-c', script, ...paths])) as {
      resource: Record<string, unknown>[]
    }[]
    for (const [index, plan] of plans().entries()) {
      const types = documents[index]!.resource.map((resource) =>
        Object.keys(resource)[0]!.replaceAll('"', ''),
      )
      expect(types.filter((type) => type === 'aws_kms_key')).toHaveLength(1)
      expect(types.filter((type) => type === 'aws_kms_replica_key')).toHaveLength(plan.replicaRegions.length)
      expect(types.includes('aws_cloudwatch_event_rule')).toBe(plan.notificationEndpoint !== undefined)
    }
  })

  it("is read by HashiCorp's own parser, and is as its formatter would write it", (context) => {
    context.skip(goTools !== undefined, goTools)
    const paths = plans().flatMap((plan, index) => write(terraform(plan), String(index)))
    expect(run(join(directory, 'hclcheck'), paths)).toBe('')
  })
})
