import { invalid } from '../../platform/http/problem.ts'
import { isTimeZone, lastDays } from '../store/read/days.ts'
import type { Db } from '../store/database/schema.ts'
import { readStats } from '../store/read/stats.ts'
import type { Serve } from './serve.ts'

/** `GET /api/stats`; src/contract/api/leads.ts describes it. */
export const addStatsRoutes = ({ serve, db }: { serve: Serve; db: Db }): void => {
  serve.read('getStats', ({ query: { days, tz, account } }) => {
    if (!isTimeZone(tz))
      throw invalid({
        in: 'query',
        field: 'tz',
        message: 'expected an IANA time zone, such as America/Mexico_City'
      })
    return readStats(db, lastDays(days, tz), account)
  })
}
