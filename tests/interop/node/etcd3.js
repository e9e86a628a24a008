/*
 * npm's etcd3 against a registry: node etcd3.js HOST:PORT. Prints a line for each thing that works,
 * and ends with a status above 0 at the first that does not.
 */
'use strict'

const assert = require('assert')
const { Etcd3, EtcdLeaseInvalidError } = require('etcd3')

const options = { hosts: `http://${process.argv[2]}` }

/* The next `n` events of a watcher, of the given kind. */
function next(watcher, kind, n) {
  return new Promise((resolve) => {
    const found = []
    watcher.on(kind, (kv) => {
      found.push([kv.key.toString(), kv.value.toString()])
      if (found.length === n) resolve(found)
    })
  })
}

async function keys(client) {
  await client.put('js/a').value('1')
  await client.put('js/b').value('2')
  assert.strictEqual(await client.get('js/a').string(), '1')
  assert.strictEqual(await client.get('js/none').string(), null)
  assert.deepStrictEqual(await client.getAll().prefix('js/').strings(), { 'js/a': '1', 'js/b': '2' })
  const sorted = await client.getAll().prefix('js/').sort('Value', 'Descend').limit(1).keys()
  assert.deepStrictEqual(sorted, ['js/b'])
  const gone = await client.delete().key('js/a').getPrevious()
  assert.strictEqual(gone[0].value.toString(), '1')
  assert.strictEqual((await client.delete().prefix('js/')).deleted, '1')
}

async function txn(client) {
  const put = () => client.if('js/t', 'Create', '==', 0).then(client.put('js/t').value('mine'))
    .else(client.get('js/t')).commit()
  assert.strictEqual((await put()).succeeded, true)
  const second = await put()
  assert.strictEqual(second.succeeded, false)
  assert.strictEqual(second.responses[0].response_range.kvs[0].value.toString(), 'mine')
}

async function stm(client) {
  await client.put('js/n').value('0')
  const add = () => client.stm({ retries: 20 }).transact(async (tx) => {
    await tx.put('js/n').value(Number(await tx.get('js/n').string()) + 1)
  })
  await Promise.all([add(), add(), add()])
  assert.strictEqual(await client.get('js/n').number(), 3)
}

async function lease(client) {
  const lease = client.lease(10)
  const id = await lease.grant()
  await lease.put('js/leased').value('x')
  assert.strictEqual((await client.get('js/leased').exec()).kvs[0].lease, id)
  await lease.keepaliveOnce()
  await lease.revoke()
  assert.strictEqual(await client.get('js/leased').string(), null)
  await assert.rejects(client.put('js/leased').value('x').lease(id), EtcdLeaseInvalidError)
}

async function watch(client) {
  const watcher = await client.watch().prefix('js/w/').create()
  const puts = next(watcher, 'put', 2)
  const deletes = next(watcher, 'delete', 1)
  await client.put('js/w/a').value('1')
  await client.put('js/w/b').value('2')
  await client.delete().key('js/w/a')
  assert.deepStrictEqual(await puts, [['js/w/a', '1'], ['js/w/b', '2']])
  assert.deepStrictEqual(await deletes, [['js/w/a', '']])
  await watcher.cancel()
}

async function lock(client) {
  const first = await client.lock('js/lock').ttl(10).acquire()
  await assert.rejects(client.lock('js/lock').ttl(10).acquire(), /lock/)
  await first.release()
  await (await client.lock('js/lock').ttl(10).acquire()).release()
}

async function election(client) {
  const election = client.election('js/leader', 10)
  const campaign = election.campaign('me')
  await new Promise((resolve, reject) => campaign.on('elected', resolve).on('error', reject))
  assert.strictEqual(await election.leader(), 'me')
  await campaign.resign()
  assert.strictEqual(await election.leader(), undefined)
}

async function main() {
  const client = new Etcd3(options)
  for (const step of [keys, txn, stm, lease, watch, lock, election]) {
    await step(client)
    console.log(step.name)
  }
  client.close()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
