import { id, text } from './0001-messages-and-leads.ts'

/** As the step for SQLite. */

const phoneKey = `phone_key ${text} GENERATED ALWAYS AS (CASE
  WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
  WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
  WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
  ELSE substr(phone, 2) END) STORED`

const who = [
  `ALTER TABLE leads ADD COLUMN phone_at BIGINT NOT NULL DEFAULT 0`,
  `UPDATE leads SET phone_at = last_seen WHERE phone IS NOT NULL AND lid IS NOT NULL`,
  `CREATE TABLE former_phones (
    account ${text} NOT NULL, phone ${text} NOT NULL, lid ${text} NOT NULL,
    lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at BIGINT NOT NULL,
    PRIMARY KEY (account, phone, lid, lead_id))`,
  `CREATE INDEX former_phones_of_lid ON former_phones (account, lid)`,
  `CREATE INDEX former_phones_of_lead ON former_phones (lead_id)`,
  `CREATE TABLE merged_identities (
    id ${id}, account ${text} NOT NULL, lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
    phone ${text}, lid ${text}, phone_at BIGINT NOT NULL DEFAULT 0, ${phoneKey},
    UNIQUE (account, phone), UNIQUE (account, lid))`,
  `CREATE INDEX merged_identities_of_lead ON merged_identities (lead_id)`
]

export const whoAndSearch = [...who]
