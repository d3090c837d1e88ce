import type { Migration } from 'kysely/migration'
import { messagesAndLeads } from './0001-messages-and-leads.ts'
import { leadsWhole } from './0002-leads-whole.ts'
import { webhooks } from './0003-webhooks.ts'
import { salesConversation } from './0004-sales-conversation.ts'
import { erasing } from './0005-erasing.ts'
import { whoWaits } from './0006-who-waits.ts'
import { whoAndSearch } from './0007-who-and-search.ts'
import { createdAndEntered } from './0009-created-and-entered.ts'
import { deliveriesByLead } from './0010-deliveries-by-lead.ts'
import { passedOnErasures } from './0011-passed-on-erasures.ts'
import { team } from './0012-team.ts'
import { audit } from './0013-audit.ts'
import { reminders } from './0014-reminders.ts'
import { alarms } from './0016-alarms.ts'

/**
 * The store's schema, a step at a time. A step that has shipped is never changed; each keeps the
 * release before it working, so that an upgrade can be rolled back.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_messages_and_leads': messagesAndLeads,
  '0002_leads_whole': leadsWhole,
  '0003_webhooks': webhooks,
  '0004_sales_conversation': salesConversation,
  '0005_erasing': erasing,
  '0006_who_waits': whoWaits,
  '0007_who_and_search': whoAndSearch,
  '0009_created_and_entered': createdAndEntered,
  '0010_deliveries_by_lead': deliveriesByLead,
  '0011_passed_on_erasures': passedOnErasures,
  '0012_team': team,
  '0013_audit': audit,
  '0014_reminders': reminders,
  '0016_alarms': alarms
}

/**
 * The last step known to the oldest release that works with the schema as the last step here leaves
 * it.
 */
export const worksFrom = '0001_messages_and_leads'

/**
 * A step that no release makes: scripts/migrate is at work on the database, or was ended before it
 * had compared it.
 */
export const unfinished = '9999_scripts_migrate_is_not_finished'
