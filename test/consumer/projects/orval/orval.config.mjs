export default {
  hub: {
    input: './openapi.json',
    output: {
      target: './generated/hub.ts',
      client: 'fetch',
      override: { mutator: { path: './call-hub.ts', name: 'callHub', extension: '.js' } }
    }
  }
}
