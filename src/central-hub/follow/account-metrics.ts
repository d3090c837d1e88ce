import { Gauge, type Registry } from 'prom-client'
import { accountName, type Account } from './accounts.ts'
import type { FollowerState } from './follower.ts'

/** Adds metrics of how each account is followed. */
export const addAccountMetrics = (registry: Registry, accounts: readonly Account[]): void => {
  const gauge = (name: string, help: string, read: (state: FollowerState) => number): unknown =>
    new Gauge({
      name,
      help,
      labelNames: ['account'] as const,
      registers: [registry],
      collect() {
        // The first account has no name until its session-manager has answered.
        this.reset()
        for (const account of accounts)
          this.set({ account: accountName(account) ?? '' }, read(account.follower.state()))
      }
    })
  gauge(
    'leadmaster_follow_seq',
    "the last record of session-manager's journal that was taken",
    ({ seq }) => seq
  )
  gauge(
    'leadmaster_follow_lag',
    "records of session-manager's journal still to be taken, as far as is known",
    ({ seq, lastSeq }) => Math.max(0, lastSeq - seq)
  )
  gauge(
    'leadmaster_upstream_verified',
    '1 while what answers at the URL is a session-manager that takes our token',
    ({ verified }) => Number(verified)
  )
}
