/** What is mutated: the core modules, each with the test files that mirror it. */
export interface MutatedModule {
  name: string
  /** Files below src; `file.ts:10-20` is a range of its lines. */
  files: readonly string[]
  /** Files below test, each run on its own by Node. None may need Chromium, a server or root. */
  tests: readonly string[]
}

export const modules: readonly MutatedModule[] = [
  {
    name: 'journal',
    files: ['session-manager/journal.ts'],
    tests: [
      'session-manager/erase-adopted.test.ts',
      'session-manager/journal-known.test.ts',
      'session-manager/erase-person.test.ts',
      'session-manager/erase-again.test.ts',
      'session-manager/journal.test.ts',
      'session-manager/remap.test.ts',
      'session-manager/erasure.test.ts',
      'session-manager/erasure-file.test.ts'
    ]
  },
  {
    name: 'capture',
    files: ['session-manager/capture.ts'],
    tests: ['session-manager/capture.test.ts']
  },
  {
    name: 'backfill',
    files: ['session-manager/backfill.ts', 'session-manager/whatsapp/backfill.ts'],
    tests: [
      'session-manager/backfill-schedule.test.ts',
      'session-manager/backfill.test.ts',
      'session-manager/unread-chats.test.ts',
      'session-manager/whatsapp/backfill-calls.test.ts',
      'session-manager/whatsapp/backfill.test.ts'
    ]
  },
  {
    name: 'erasure',
    files: ['session-manager/erasure.ts', 'session-manager/adopted-erasures.ts'],
    tests: [
      'session-manager/erase-person-later.test.ts',
      'session-manager/erase-adopted.test.ts',
      'session-manager/erase-person.test.ts',
      'session-manager/erasure.test.ts',
      'session-manager/erase-again.test.ts',
      'session-manager/erasure-file.test.ts'
    ]
  },
  {
    name: 'media',
    files: ['session-manager/media.ts', 'session-manager/media-fetcher.ts'],
    tests: [
      'session-manager/media-files.test.ts',
      'session-manager/media-given-up.test.ts',
      'session-manager/media-schedule.test.ts',
      'session-manager/media.test.ts',
      'session-manager/media-fetcher.test.ts'
    ]
  },
  {
    name: 'mapper',
    files: ['session-manager/whatsapp/message.ts', 'session-manager/whatsapp/content/*.ts'],
    tests: [
      'session-manager/whatsapp/message.test.ts',
      'session-manager/whatsapp/message-odd.test.ts',
      'session-manager/whatsapp/content.test.ts',
      'session-manager/whatsapp/fixtures.test.ts',
      'session-manager/whatsapp/drafts.test.ts'
    ]
  },
  {
    name: 'send-guard',
    files: ['session-manager/whatsapp/guard.ts'],
    tests: ['session-manager/whatsapp/guard.test.ts', 'session-manager/whatsapp/wire-guard.test.ts']
  },
  {
    name: 'address-guard',
    files: ['central-hub/webhooks/guard.ts'],
    tests: ['central-hub/webhooks/guard.test.ts']
  },
  {
    name: 'follower',
    files: ['central-hub/follower.ts'],
    tests: ['central-hub/follower-stream.test.ts']
  },
  {
    name: 'ingest',
    files: ['central-hub/ingest.ts'],
    tests: ['central-hub/ingest-take.test.ts', 'central-hub/ingest.test.ts']
  },
  {
    name: 'take-records',
    files: ['central-hub/store/take-records.ts'],
    tests: [
      'central-hub/store/take-records.test.ts',
      'central-hub/store/write-lead.test.ts',
      'central-hub/store/waiting.test.ts',
      'central-hub/store/who.test.ts',
      'central-hub/store/conversation.test.ts',
      'central-hub/store/outbox.test.ts',
      'central-hub/ingest.test.ts'
    ]
  },
  {
    name: 'waiting',
    files: ['contract/waiting.ts', 'central-hub/store/waiting.ts'],
    tests: [
      'contract/waiting.test.ts',
      'central-hub/store/waiting.test.ts',
      'central-hub/store/kept-wait.test.ts',
      'central-hub/store/lists.test.ts',
      'central-hub/store/conversation.test.ts',
      'central-hub/api/stats.test.ts',
      'central-hub/store/waiting-table.test.ts'
    ]
  },
  {
    name: 'write-lead',
    files: ['central-hub/store/write-lead.ts', 'central-hub/store/settle-lead.ts'],
    tests: [
      'central-hub/store/who.test.ts',
      'central-hub/store/write-lead.test.ts',
      'central-hub/store/settle-lead.test.ts',
      'central-hub/store/take-records.test.ts',
      'central-hub/store/conversation.test.ts'
    ]
  },
  {
    name: 'search',
    files: ['search', 'search-terms', 'matched', 'spaceless', 'terms'].map(
      (file) => `central-hub/store/${file}.ts`
    ),
    tests: [
      'search-terms',
      'terms',
      'matched',
      'find',
      'pages',
      'search',
      'lists',
      'conversation'
    ].map((file) => `central-hub/store/${file}.test.ts`)
  },
  {
    name: 'imports',
    files: [
      'central-hub/api/imports.ts',
      'central-hub/store/names.ts',
      ...['columns', 'phone-cell', 'read-names'].map((file) => `central-hub/spreadsheet/${file}.ts`)
    ],
    tests: [
      'central-hub/spreadsheet/phone-cell.test.ts',
      'central-hub/spreadsheet/columns.test.ts',
      'central-hub/spreadsheet/read-names.test.ts',
      'central-hub/store/names.test.ts',
      'central-hub/api/imports-body.test.ts',
      'central-hub/api/imports.test.ts'
    ]
  },
  {
    name: 'import-tables',
    files: ['cells', 'csv-format', 'csv-reader', 'decode', 'table'].map(
      (file) => `central-hub/spreadsheet/${file}.ts`
    ),
    tests: [
      'central-hub/spreadsheet/decode.test.ts',
      'central-hub/spreadsheet/cells.test.ts',
      'central-hub/spreadsheet/csv-format.test.ts',
      'central-hub/spreadsheet/csv-reader.test.ts',
      'central-hub/spreadsheet/table.test.ts',
      'central-hub/spreadsheet/read-names.test.ts',
      'central-hub/spreadsheet/round-trip.test.ts'
    ]
  },
  {
    name: 'access',
    files: ['central-hub/api/access.ts'],
    tests: ['central-hub/api/access.test.ts']
  },
  {
    name: 'deliverer',
    files: ['deliverer', 'circuit', 'delivering-time'].map(
      (file) => `central-hub/webhooks/${file}.ts`
    ),
    tests: ['circuit', 'delivering-time', 'deliverer', 'down'].map(
      (file) => `central-hub/webhooks/${file}.test.ts`
    )
  },
  {
    name: 'doctor-units',
    files: ['doctor/units.ts'],
    tests: ['unit-states', 'drop-ins', 'units', 'confinement'].map(
      (file) => `doctor/${file}.test.ts`
    )
  },
  {
    name: 'doctor-network',
    files: ['base-url', 'following', 'ports'].map((file) => `doctor/${file}.ts`),
    tests: ['base-url', 'following', 'ports', 'network'].map((file) => `doctor/${file}.test.ts`)
  },
  {
    name: 'doctor-processes',
    files: ['confinement', 'failure', 'processes', 'running'].map((file) => `doctor/${file}.ts`),
    tests: ['confinement', 'failure', 'processes', 'running'].map(
      (file) => `doctor/${file}.test.ts`
    )
  }
]
