import { Registry } from 'prom-client'
import t from 'tap'
import { addAccountMetrics } from '../../../src/central-hub/follow/account-metrics.ts'
import type { Account } from '../../../src/central-hub/follow/accounts.ts'
import type { FollowerState } from '../../../src/central-hub/follow/follower.ts'

t.test('an account has no figure without a name once its name is known', async (t) => {
  let state: FollowerState = { verified: false, following: false, seq: 0, lastSeq: 0 }
  const account = { upstream: {}, follower: { state: () => state } } as Account
  const registry = new Registry()
  addAccountMetrics(registry, [account])
  t.match(await registry.metrics(), 'leadmaster_upstream_verified{account=""} 0')

  state = { verified: true, following: true, account: 'main', seq: 5, lastSeq: 7 }

  const text = await registry.metrics()
  t.match(text, 'leadmaster_upstream_verified{account="main"} 1')
  t.match(text, 'leadmaster_follow_lag{account="main"} 2')
  t.notMatch(text, 'account=""', 'an alert on it would go on for ever')
})
