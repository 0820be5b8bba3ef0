// How provisioning is set up, by the settings of the daemon.
import { randomUUID } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type { Named } from '../users/known-user.ts'

export interface ProvisioningSettings extends Named {
  onDeparture: 'keep' | 'drop'
  /** How long a user who is gone may come back to the same database. */
  graceMs: number
  /** A name that no database has. */
  newDatabase: () => string
}

/** What the settings of the daemon say of provisioning. */
export const provisioningSettings = ({
  personalDatabaseAttribute,
  userDatabaseAttributes,
  deprovision,
  deletionGraceMs,
}: Pick<
  Config,
  'personalDatabaseAttribute' | 'userDatabaseAttributes' | 'deprovision' | 'deletionGraceMs'
>): ProvisioningSettings => ({
  attribute: personalDatabaseAttribute,
  attributes: userDatabaseAttributes,
  onDeparture: deprovision,
  graceMs: deletionGraceMs,
  newDatabase: () => `u${randomUUID()}`,
})
