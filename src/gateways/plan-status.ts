// How a user stands with a gateway, as the user reads it.
import type { Holdings } from './function/grants.ts'
import { GATEWAY_DOCUMENT, MOST_GRANTS_IN_SECURITY, type GatewayUser } from './model.ts'

/**
 * What `$gateway` in the user's database says, without `_rev`. `$state`: `active`, documents are being compared · `denied`,
 * something of the user's did not reach the gateway · `complete`.
 */
export function gatewayDocument(
  gateway: string,
  { readyAt, documents, rejected = [] }: GatewayUser,
  { roles, channels }: Holdings,
  { isComparing }: { isComparing: boolean },
): { _id: string } & Record<string, unknown> {
  const isListed = roles.length + channels.length <= MOST_GRANTS_IN_SECURITY
  return {
    _id: GATEWAY_DOCUMENT,
    type: GATEWAY_DOCUMENT,
    gateway,
    $state: isComparing ? 'active' : rejected.length > 0 ? 'denied' : 'complete',
    ready: readyAt ?? false,
    documents,
    ...(isListed ? { roles, channels } : {}),
    ...(rejected.length > 0 ? { $rejected: rejected } : {}),
  }
}
