import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigurationRefused, type Finding, isUsable, type RuleFinding } from './finding.ts'
import { type Materials, readMaterials, systemReason } from './materials.ts'
import { inFileOrder, type ParsedConfiguration, parseConfiguration } from './parse.ts'
import { isCoverageFile } from './rules/stores.ts'
import type { Configuration } from './schema.ts'
import { CONFIGURATION_BYTES_MAX } from './yaml-source.ts'

const FILE_BYTES_MAX = 8 * 1024 * 1024

/** A configuration that may be used. */
export interface LoadedConfiguration {
  /** Paths in it are absolute. */
  readonly configuration: Configuration
  readonly materials: Materials
  /** Warnings only. */
  readonly findings: readonly Finding[]
}

/**
 * Reads, checks and resolves a configuration file.
 * Throws `ConfigurationRefused` with every finding when it cannot be used.
 */
export function loadConfiguration(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedConfiguration {
  const parsed = parseConfigurationFile(file)
  if (parsed.configuration === undefined) throw new ConfigurationRefused(parsed.findings)
  const resolved = resolveMaterials(parsed.configuration, file, environment)
  const findings = [...parsed.findings, ...resolved.findings.map(parsed.locate)].sort(inFileOrder)
  if (!isUsable(findings)) throw new ConfigurationRefused(findings)
  return {
    configuration: withAbsolutePaths(parsed.configuration, file),
    materials: resolved.materials,
    findings,
  }
}

/** Parses a configuration file; a file that cannot be read is a finding. */
export function parseConfigurationFile(file: string): ParsedConfiguration {
  try {
    return parseConfiguration(readBounded(file, CONFIGURATION_BYTES_MAX).toString('utf8'), file)
  } catch (error) {
    const finding: RuleFinding = {
      severity: 'error',
      rule: 'file',
      path: [],
      reason: `the file cannot be read${systemReason(error)}`,
      remedy: 'Name a readable file of at most 32 MiB',
    }
    const locate = parseConfiguration('{}', file).locate
    return { configuration: undefined, findings: [locate(finding)], locate }
  }
}

/** Reads what the configuration in `file` refers to; relative paths start at that file. */
export function resolveMaterials(
  configuration: Configuration,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): { materials: Materials; findings: RuleFinding[] } {
  const folder = dirname(resolve(file))
  const readFile = (path: string) => readBounded(resolve(folder, path), FILE_BYTES_MAX)
  return readMaterials(configuration, { environment, readFile })
}

/** The configuration with the paths that others open made absolute: coverage files, the registry and the audit trail. */
export function withAbsolutePaths(configuration: Configuration, file: string): Configuration {
  const folder = dirname(resolve(file))
  return {
    ...configuration,
    registry: {
      ...configuration.registry,
      ...(configuration.registry.file === undefined
        ? {}
        : { file: resolve(folder, configuration.registry.file) }),
    },
    audit: {
      ...configuration.audit,
      directory: resolve(
        folder,
        configuration.audit.directory ?? join(dirname(configuration.registry.file ?? ''), 'audit'),
      ),
    },
    stores: configuration.stores.map((store) => ({
      ...store,
      coverage: isCoverageFile(store.coverage) ? resolve(folder, store.coverage) : store.coverage,
    })),
  }
}

function readBounded(path: string, bytesMax: number): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const status = fstatSync(descriptor)
    // A device or pipe has no size and could be read without end.
    if (!status.isFile() || status.size > bytesMax) throw new Error('not a file of acceptable size')
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
