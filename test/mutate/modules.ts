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
    files: ['session-manager/journal/journal.ts'],
    tests: [
      'session-manager/journal/erase-adopted.test.ts',
      'session-manager/journal/journal-known.test.ts',
      'session-manager/journal/erase-person.test.ts',
      'session-manager/journal/erase-again.test.ts',
      'session-manager/journal/journal.test.ts',
      'session-manager/journal/remap.test.ts',
      'session-manager/journal/erasure.test.ts',
      'session-manager/journal/erasure-file.test.ts'
    ]
  },
  {
    name: 'capture',
    files: ['session-manager/journal/writer.ts'],
    tests: ['session-manager/journal/writer.test.ts']
  },
  {
    name: 'backfill',
    files: ['session-manager/journal/backfill.ts', 'session-manager/whatsapp/backfill.ts'],
    tests: [
      'session-manager/journal/backfill-schedule.test.ts',
      'session-manager/journal/backfill.test.ts',
      'session-manager/journal/unread-chats.test.ts',
      'session-manager/whatsapp/backfill-calls.test.ts',
      'session-manager/whatsapp/backfill.test.ts'
    ]
  },
  {
    name: 'erasure',
    files: ['session-manager/journal/erasure.ts', 'session-manager/journal/adopted-erasures.ts'],
    tests: [
      'session-manager/journal/erase-person-later.test.ts',
      'session-manager/journal/erase-adopted.test.ts',
      'session-manager/journal/erase-person.test.ts',
      'session-manager/journal/erasure.test.ts',
      'session-manager/journal/erase-again.test.ts',
      'session-manager/journal/erasure-file.test.ts'
    ]
  },
  {
    name: 'media',
    files: ['session-manager/journal/media.ts', 'session-manager/journal/media-fetcher.ts'],
    tests: [
      'session-manager/journal/media-files.test.ts',
      'session-manager/journal/media-given-up.test.ts',
      'session-manager/journal/media-schedule.test.ts',
      'session-manager/journal/media.test.ts',
      'session-manager/journal/media-fetcher.test.ts'
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
      'session-manager/whatsapp/new-records.test.ts'
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
    files: ['central-hub/follow/follower.ts'],
    tests: ['central-hub/follow/follower-stream.test.ts']
  },
  {
    name: 'ingest',
    files: ['central-hub/follow/ingest.ts'],
    tests: ['central-hub/follow/ingest-take.test.ts', 'central-hub/follow/ingest.test.ts']
  },
  {
    name: 'apply-records',
    files: ['central-hub/store/write/apply-records.ts'],
    tests: [
      'central-hub/store/apply-records.test.ts',
      'central-hub/store/write-lead.test.ts',
      'central-hub/store/waiting.test.ts',
      'central-hub/store/who.test.ts',
      'central-hub/store/conversation.test.ts',
      'central-hub/store/outbox.test.ts',
      'central-hub/follow/ingest.test.ts'
    ]
  },
  {
    name: 'waiting',
    files: ['contract/waiting.ts', 'central-hub/store/write/waiting.ts'],
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
    files: [
      'central-hub/store/write/write-lead.ts',
      'central-hub/store/write/resolve-identities.ts'
    ],
    tests: [
      'central-hub/store/who.test.ts',
      'central-hub/store/write-lead.test.ts',
      'central-hub/store/resolve-identities.test.ts',
      'central-hub/store/apply-records.test.ts',
      'central-hub/store/conversation.test.ts'
    ]
  },
  {
    name: 'search',
    files: [
      'central-hub/store/read/search.ts',
      'central-hub/store/read/matched.ts',
      'central-hub/store/database/search-terms.ts',
      'central-hub/store/database/spaceless.ts',
      'central-hub/store/database/terms.ts'
    ],
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
      'central-hub/store/write/names.ts',
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
    files: ['admin/doctor/units.ts'],
    tests: ['unit-states', 'drop-ins', 'units', 'confinement'].map(
      (file) => `admin/doctor/${file}.test.ts`
    )
  },
  {
    name: 'doctor-network',
    files: ['base-url', 'following', 'ports'].map((file) => `admin/doctor/${file}.ts`),
    tests: ['base-url', 'following', 'ports', 'network'].map(
      (file) => `admin/doctor/${file}.test.ts`
    )
  },
  {
    name: 'doctor-processes',
    files: [
      'admin/doctor/confinement.ts',
      'admin/doctor/failure.ts',
      'admin/doctor/running.ts',
      'admin/installation/processes.ts'
    ],
    tests: ['confinement', 'failure', 'processes', 'running'].map(
      (file) => `admin/doctor/${file}.test.ts`
    )
  }
]
