import type { Alarm } from '../../../contract/alarm.ts'
import type { Db } from '../database/schema.ts'
import { getAlarms } from '../read/alarms.ts'

/** What becomes of alarms that were raised. */

/** Alarms that one statement deletes. */
const pruneSize = 1_000

/**
 * Marks an alarm as acknowledged, unless it is. @returns undefined when there is no such alarm
 * @param by who; null: HUB_API_TOKEN
 */
export const acknowledgeAlarm = async (
  db: Db,
  id: number,
  by: string | null
): Promise<Alarm | undefined> => {
  await db
    .updateTable('alarms')
    .set({ acknowledged_at: Date.now(), acknowledged_by: by })
    .where('id', '=', id)
    .where('acknowledged_at', 'is', null)
    .execute()
  return (await getAlarms(db, [id])).get(id)
}

/**
 * Gives the alarms of a lead that is merged into another one to that one, before its row goes. An
 * open alarm that the kept lead has as well goes with the row.
 */
export const moveAlarms = async (db: Db, keptId: number, otherId: number): Promise<void> => {
  const ofKept = await db
    .selectFrom('alarms')
    .select(['rule_id', 'step'])
    .where('lead_id', '=', keptId)
    .where('over_at', 'is', null)
    .execute()
  const has = new Set(ofKept.map(({ rule_id, step }) => `${rule_id} ${step}`))
  const ofOther = await db
    .selectFrom('alarms')
    .select(['id', 'rule_id', 'step', 'over_at'])
    .where('lead_id', '=', otherId)
    .execute()
  const moved = ofOther.filter(
    ({ over_at, rule_id, step }) => over_at !== null || !has.has(`${rule_id} ${step}`)
  )
  if (moved.length === 0) return
  await db
    .updateTable('alarms')
    .set({ lead_id: keptId })
    .where(
      'id',
      'in',
      moved.map(({ id }) => id)
    )
    .execute()
}

/** Deletes alarms that were over before a time, ms; other writers come in between. */
export const pruneAlarms = async (db: Db, before: number): Promise<void> => {
  for (;;) {
    const { numDeletedRows } = await db
      .deleteFrom('alarms')
      .where(
        'id',
        'in',
        db
          .selectFrom('alarms')
          .select('id')
          .where('over_at', '<', before)
          .orderBy('over_at')
          .limit(pruneSize)
      )
      .executeTakeFirst()
    if (numDeletedRows < pruneSize) return
  }
}
