// Stremio's own engine, as its apps run it, installs an add-on and is asked what its user sees: the shelf, a search, a
// film. One JSON value on stdout. Nothing but 127.0.0.1 is reached: what it has of others' add-ons fails, as without a network.
const fs = require('fs')
const path = require('path')

const WAIT_MS = 60_000
const EVERY_MS = 50

const stored = new Map()
const elsewhere = new Set()
globalThis.self = globalThis
globalThis.location = new URL('http://127.0.0.1/')
globalThis.document = { baseURI: location.href }
// The engine runs in a worker of a browser, and makes sure of that.
globalThis.WorkerGlobalScope = class { static [Symbol.hasInstance](value) { return value === globalThis } }
Object.assign(self, {
  app_version: '5.0.0',
  shell_version: null,
  get_location_hash: async () => '',
  local_storage_get_item: async (key) => stored.get(key) ?? null,
  local_storage_set_item: async (key, value) => { stored.set(key, value) },
  local_storage_remove_item: async (key) => { stored.delete(key) },
})
const reach = globalThis.fetch
globalThis.fetch = async (request, options) => {
  const url = new URL(typeof request === 'string' ? request : request.url)
  if (url.hostname === '127.0.0.1' && url.port !== '11470') return reach(request, options)
  elsewhere.add(url.host)
  throw new TypeError('not reached by this test')
}
// What is said of that is no trouble of ours.
console.error = console.warn = console.log = () => {}

const core = require('@stremio/stremio-core-web')

async function until(what, found) {
  const deadline = Date.now() + WAIT_MS
  for (;;) {
    const value = found()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

const load = (model, field, args) => core.dispatch({ action: 'Load', args: { model, args } }, field, '')

async function main() {
  const [transportUrl, type, id, search] = process.argv.slice(2)
  const folder = path.dirname(require.resolve('@stremio/stremio-core-web'))
  await core.default({ module_or_path: fs.readFileSync(path.join(folder, 'stremio_core_web_bg.wasm')) })
  await core.initialize_runtime(() => {})

  const ours = (entry) => JSON.stringify(entry).includes(transportUrl)
  load('AddonDetails', 'addon_details', { transportUrl })
  const details = await until('the add-on to be read', () => core.get_state('addon_details').remoteAddon?.content?.type === 'Ready' && core.get_state('addon_details').remoteAddon.content.content)
  core.dispatch({ action: 'Ctx', args: { action: 'InstallAddon', args: details } }, null, '')
  await until('the add-on to be installed', () => core.get_state('ctx').profile.addons.some((addon) => addon.transportUrl === transportUrl))

  load('CatalogWithFilters', 'discover', { request: { base: transportUrl, path: { resource: 'catalog', type, id: 'heirloom', extra: [] } } })
  const shelf = await until('the shelf', () => {
    const { catalog } = core.get_state('discover')
    return catalog?.content?.type === 'Ready' && catalog.content.content
  })
  load('CatalogsWithExtra', 'search', { type: null, extra: [['search', search]] })
  // Rows are fetched as they come into sight.
  core.dispatch({ action: 'CatalogsWithExtra', args: { action: 'LoadRange', args: { start: 0, end: 100 } } }, 'search', '')
  const rows = await until('the search', () => {
    const ready = core.get_state('search').catalogs.flat().filter((row) => row.content?.type === 'Ready')
    return ready.length > 0 && ready
  })
  load('MetaDetails', 'meta_details', {
    metaPath: { resource: 'meta', type, id, extra: [] },
    streamPath: { resource: 'stream', type, id, extra: [] },
    guessStream: true,
  })
  const { meta, streams } = await until('the film', () => {
    const state = core.get_state('meta_details')
    const streams = state.streams.find((group) => ours(group.addon) && group.content.type === 'Ready')
    return state.metaItem?.content?.type === 'Ready' && streams && { meta: state.metaItem.content.content, streams: streams.content.content }
  })
  process.stdout.write(JSON.stringify({ installed: details.manifest, shelf, rows, meta, streams, elsewhere: [...elsewhere] }), () => process.exit(0))
}

main().catch((error) => {
  process.stderr.write(`${error && error.stack || error}\n`, () => process.exit(1))
})
