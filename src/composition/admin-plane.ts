import { consoleRoutes } from '../admin/console/console-routes.ts'
import type { Readiness } from '../admin/health.ts'
import { AdminListener } from '../admin/listener.ts'
import type { MetricsText } from '../admin/metrics-route.ts'
import type { Clock } from '../keyring/clock.ts'
import type { Metrics } from '../observability/metrics.ts'
import { administratorSources } from './administrators.ts'
import { controlPlaneApi, type ControlPlaneParts } from './control-plane.ts'
import { notificationPlugins } from './notifications.ts'
import { serverTls } from './server-tls.ts'

/** What the admin plane is made from. */
export interface AdminPlaneParts extends ControlPlaneParts {
  readonly clock: Clock
  readonly observed: Pick<Metrics, 'notification'>
  readonly readiness: () => Readiness
  /** What `/metrics` says. */
  readonly metrics: () => Promise<MetricsText>
}

/** The admin listener with everything behind it, and the jobs that it starts. */
export interface AdminPlane {
  /** Starts listening; resolves to the base URL. */
  listen(): Promise<string>
  /** Ends the jobs under way where they can be taken up again. */
  stopJobs(): Promise<void>
  close(): Promise<void>
}

/** Builds the admin plane of a gateway, and takes up jobs that an earlier process has left. */
export function adminPlane(parts: AdminPlaneParts): AdminPlane {
  const { settings, controlPlane, tenants, access, clock, observed, logger } = parts
  const { configuration, materials } = settings
  const api = controlPlaneApi(parts)
  api.rotations.start()
  const notifications = notificationPlugins(materials.notificationSecret, {
    clock,
    authorityOf: (organization) => tenants.holder.current.authorityById(organization),
    verifyNow: (authority) => access.verifyNow(authority),
    observe: (outcome, durationMs) => observed.notification(outcome, durationMs),
  })
  const listener = new AdminListener({
    host: configuration.admin.host,
    port: configuration.admin.port,
    metricsOpen: configuration.admin.metricsOpen,
    tls: serverTls(materials.adminTls),
    tokens: materials.adminTokens,
    administrators: administratorSources(settings, controlPlane, tenants.catalog),
    readiness: parts.readiness,
    metrics: parts.metrics,
    plugins: [consoleRoutes(), api.plugin, ...notifications],
    onDefect: (error, requestId) => logger.error('admin request failed', { error, requestId }),
  })
  return {
    listen: () => listener.listen(),
    stopJobs: () => api.rotations.close(),
    close: () => listener.close(),
  }
}
