import { notificationRoute, type NotificationRouteOptions } from '../admin/notifications/route.ts'
import { notificationSecret } from '../onboarding/notification-secret.ts'

/** The notification endpoint, where the configuration has a secret for it. */
export function notificationPlugins(
  gatewaySecret: string | undefined,
  options: Omit<NotificationRouteOptions, 'secretOf'>,
): ReturnType<typeof notificationRoute>[] {
  if (gatewaySecret === undefined) return []
  return [
    notificationRoute({
      ...options,
      secretOf: (organization) => notificationSecret(gatewaySecret, organization),
    }),
  ]
}
