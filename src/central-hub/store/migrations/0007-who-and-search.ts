import { step } from './step.ts'

/** Who has a phone number and who had it before, and leads that are of several numbers. */

/** A number as it is compared: phoneKey of store/phone.ts, as the second step has it for leads. */
const phoneKey = `phone_key TEXT GENERATED ALWAYS AS (CASE
  WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
  WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
  WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
  ELSE substr(phone, 2) END) VIRTUAL`

const who = [
  // the time of the latest message that told phone and LID together, UNIX seconds; 0 while there is no LID
  `ALTER TABLE leads ADD COLUMN phone_at INTEGER NOT NULL DEFAULT 0`,
  `UPDATE leads SET phone_at = last_seen WHERE phone IS NOT NULL AND lid IS NOT NULL`,
  // a number that somebody was seen with until `at`, UNIX seconds, and is not any more; lid is '' where none was known
  `CREATE TABLE former_phones (
    account TEXT NOT NULL, phone TEXT NOT NULL, lid TEXT NOT NULL,
    lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at INTEGER NOT NULL,
    PRIMARY KEY (account, phone, lid, lead_id)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX former_phones_of_lid ON former_phones (account, lid)`,
  `CREATE INDEX former_phones_of_lead ON former_phones (lead_id)`,
  // further numbers and LIDs of a lead, which a person merged into it
  `CREATE TABLE merged_identities (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
    phone TEXT, lid TEXT, phone_at INTEGER NOT NULL DEFAULT 0, ${phoneKey},
    UNIQUE (account, phone), UNIQUE (account, lid)) STRICT`,
  `CREATE INDEX merged_identities_of_lead ON merged_identities (lead_id)`
]

export const whoAndSearch = step([...who], async () => (await import('./postgres/0007-who-and-search.ts')).whoAndSearch)
