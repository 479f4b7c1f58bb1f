import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { ConfigurationRefused } from '../config/finding.ts'
import type { Finding, RuleFinding } from '../config/finding.ts'
import { schemaFindings } from '../config/schema-findings.ts'
import { YamlSource } from '../config/yaml-source.ts'
import type { AppType } from '../tenant/tenant.ts'
import { compileRoutes } from './compile-routes.ts'
import type { LocatedRoute } from './compile-routes.ts'
import type { Coverage } from './coverage.ts'
import { CoverageFindings } from './coverage-findings.ts'
import { coverageSchema } from './coverage-schema.ts'
import type { CoverageData } from './coverage-schema.ts'
import { compileEntities } from './entity-rules.ts'
import type { LocatedEntity } from './entity-rules.ts'

/** Names of the presets, one per app. */
export const PRESETS = ['jira', 'jira-service-management', 'confluence'] as const satisfies readonly AppType[]

const FILE_BYTES_MAX = 4 * 1024 * 1024
const presets = new Map<AppType, Coverage>()

/** What a coverage file says together with the preset it extends. */
interface Layer {
  readonly entities: ReadonlyMap<string, LocatedEntity>
  readonly own: readonly LocatedRoute[]
  readonly inherited: readonly LocatedRoute[]
}

/**
 * The coverage that a configuration names: a preset, or a file relative to `directory`. Throws
 * `ConfigurationRefused` with file, line and reason of everything that is wrong.
 */
export function loadCoverage(reference: string, directory: string): Coverage {
  const preset = PRESETS.find((name) => name === reference)
  if (preset !== undefined) return presetCoverage(preset)
  const file = resolve(directory, reference)
  return parseCoverage(readCoverageFile(file), file)
}

/** A preset, compiled once per process. */
export function presetCoverage(name: AppType): Coverage {
  let coverage = presets.get(name)
  if (coverage === undefined) {
    const file = presetFile(name)
    coverage = parseCoverage(readCoverageFile(file), file, name)
    presets.set(name, coverage)
  }
  return coverage
}

/** Compiles the text of a coverage file; `file` names it in findings. Throws as `loadCoverage` does. */
export function parseCoverage(text: string, file: string, name: string = file): Coverage {
  const { source, data } = parseSource(text, file)
  const findings = new CoverageFindings()
  const layer = layerOf(data, findings)
  refuseIfAny(source, findings.list)
  const entities = compileEntities(layer.entities, findings)
  refuseIfAny(source, findings.list)
  const table = compileRoutes(layer.own, layer.inherited, entities, findings)
  refuseIfAny(source, findings.list)
  return {
    name,
    matchRoute: (method, rawPath) => table.match(method, rawPath),
    entityState: (entity) => entities.get(entity)?.state,
  }
}

function parseSource(text: string, file: string): { source: YamlSource; data: CoverageData } {
  const source = new YamlSource(text, file)
  if (source.findings.length > 0) throw new ConfigurationRefused(source.findings)
  const content = source.data ?? {}
  const result = coverageSchema.safeParse(content)
  if (!result.success) refuseIfAny(source, schemaFindings(coverageSchema, content, result.error, []))
  return { source, data: result.data! }
}

function layerOf(data: CoverageData, findings: CoverageFindings): Layer {
  const base = data.extends === undefined ? undefined : baseLayer(data.extends)
  const entities = new Map(base?.entities)
  for (const [name, entity] of Object.entries(data.entities)) {
    const path = ['entities', name]
    const inherited = entities.get(name)
    const dataClass = entity.dataClass ?? inherited?.dataClass
    if (dataClass === undefined) {
      findings.add('missing-key', path, 'a new entity needs a dataClass', 'Add dataClass')
      continue
    }
    const rules = entity.rules.map((rule, index) => ({ data: rule, path: [...path, 'rules', index] }))
    entities.set(name, { dataClass, rules: [...(inherited?.rules ?? []), ...rules], path })
  }
  const own = data.routes.map((route, index) => ({ data: route, path: ['routes', index] }))
  return { entities, own, inherited: base === undefined ? [] : [...base.own, ...base.inherited] }
}

/** A preset as the base of another coverage. Its own findings would be a defect of this program. */
function baseLayer(name: AppType): Layer {
  const file = presetFile(name)
  return layerOf(parseSource(readCoverageFile(file), file).data, new CoverageFindings())
}

function presetFile(name: AppType): string {
  return fileURLToPath(new URL(`../../config/coverage/${name}.yaml`, import.meta.url))
}

function readCoverageFile(file: string): string {
  let problem: string
  try {
    if (statSync(file).size <= FILE_BYTES_MAX) return readFileSync(file, 'utf8')
    problem = `the file has more than ${FILE_BYTES_MAX} bytes`
  } catch (error) {
    problem = `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`
  }
  const finding: Finding = {
    severity: 'error',
    rule: 'coverage-file',
    file,
    line: 1,
    column: 1,
    path: '',
    reason: problem,
    remedy: 'Name a preset or a readable coverage file',
  }
  throw new ConfigurationRefused([finding])
}

function refuseIfAny(source: YamlSource, findings: readonly RuleFinding[]): void {
  if (findings.length > 0) throw new ConfigurationRefused(findings.map((finding) => source.locate(finding)))
}
