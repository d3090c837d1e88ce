import type { PostgresServer } from '../../platform/postgres-server.ts'
import type { Scope } from '../../platform/scope.ts'

/** Everything of a schema that a test may change. */
const describeSchema = `
  SELECT md5(string_agg(line, E'\\n' ORDER BY line)) AS schema FROM (
    SELECT format('%s %s %s', relname, relkind, reloptions) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s.%s %s %s', attrelid::regclass, attname, atttypid, attnotnull) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s %s %s', tgrelid::regclass, tgname, tgenabled, tgfoid::regproc) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s', proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  ) AS lines`

const othersConnected =
  'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

/**
 * SQL that takes every row out but those that came with the schema, which it puts back; numbers
 * begin at 1 again.
 */
const emptying = async (server: PostgresServer, database: string): Promise<string> => {
  const tables = await server.run(
    `SELECT quote_ident(relname) AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
    database
  )
  const sequences = await server.run(
    `SELECT quote_literal(sequencename) AS name, start_value FROM pg_sequences WHERE schemaname = 'public'`,
    database
  )
  const [empty, refill]: [string[], string[]] = [[], []]
  for (const { name } of tables.rows as { name: string }[]) {
    const { rows } = await server.run(
      `SELECT quote_literal(json_agg(row)) AS kept FROM ${name} AS row`,
      database
    )
    const kept = (rows[0] as { kept: string | null }).kept
    if (kept === null) empty.push(`'${name}'`)
    else
      refill.push(
        `DELETE FROM ${name}; INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, ${kept});`
      )
  }
  // To truncate a table costs a millisecond for each of its indexes: only those that were written
  // to are.
  return `
    SET lock_timeout = '5s';
    DO $$ DECLARE used text; BEGIN
      SELECT string_agg(name, ', ') INTO used FROM unnest(ARRAY[${empty.join()}]) AS name WHERE pg_relation_size(name::regclass) > 0;
      IF used IS NOT NULL THEN EXECUTE 'TRUNCATE ' || used || ' CASCADE'; END IF;
    END $$;
    ${refill.join('\n')}
    ${(sequences.rows as { name: string; start_value: string }[]).map(({ name, start_value }) => `SELECT setval(${name}, ${start_value}, false);`).join('\n')}`
}

/**
 * Databases of one server, each a copy of one with the schema. One whose test or case has ended is
 * emptied and used again, which costs a fourth of what a copy does.
 */
export class Databases {
  readonly #server: PostgresServer
  readonly #template: string
  readonly #schema: string
  readonly #emptying: string
  readonly #free: string[] = []

  private constructor(server: PostgresServer, template: string, schema: string, emptying: string) {
    this.#server = server
    this.#template = template
    this.#schema = schema
    this.#emptying = emptying
  }

  /** @param url of the database with the schema, which nobody is connected to */
  static async copiesOf(server: PostgresServer, url: string): Promise<Databases> {
    const template = nameOf(url)
    const { rows } = await server.run(describeSchema, template)
    return new Databases(
      server,
      template,
      (rows[0] as { schema: string }).schema,
      await emptying(server, template)
    )
  }

  /** @returns the URL of one with no rows; it is the scope's until that ends */
  async take(scope: Scope): Promise<string> {
    const url = this.#free.pop() ?? (await this.#server.create(this.#template))
    scope.teardown(() => this.#giveBack(url))
    return url
  }

  /** One that a hub is still connected to, or whose schema the test changed, is not used again. */
  async #giveBack(url: string): Promise<void> {
    const database = nameOf(url)
    const { rows } = await this.#server.run(
      `SELECT (${othersConnected}), (${describeSchema})`,
      database
    )
    const { others, schema } = rows[0] as { others: number; schema: string }
    if (others > 0 || schema !== this.#schema) return
    await this.#server.run(this.#emptying, database)
    this.#free.push(url)
  }
}
