import type { Redis } from 'ioredis';

import { reasonOf } from '../errors/log.text.js';
import type { HookExecution, HookExecutionState, HookMode, HookPhase } from '../execution/hook-execution.js';
import type {
  CountedExecutions,
  HookExecutionFilter,
  HookTotalsFilter,
} from '../execution/hook.executions.js';
import { isOfRuns, type HookOfRun, type RunCriteria } from '../execution/run.criteria.js';
import type { HookLimits } from '../execution/hook.limits.js';
import {
  LIMITED_PAUSE,
  MOST_LIMITED_PAUSES,
  NEXT_WAITING,
  RETRY_FENCES,
  retryJobId,
  type BatchIds,
  type Claim,
  type ClaimRequest,
  type ExecutionCounts,
  type Fence,
  type ForgottenHooks,
  type LostExecution,
  type NewBatch,
  type QueueStore,
  type RecordedEnd,
  type RetriedExecution,
  type RetryResult,
  type SweepLimits,
  type WaitingEnd,
} from './queue.store.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { RunOrigin } from '../model/run-origin.js';
import type { EncodedSnapshot } from './stored.batch.js';

/*
 * Keys, with the queue's name before them:
 * - execution:<id>: hash of the execution (JSON), its batch, and the fields that change: job, state, fence, attempts, startedAt,
 *   end
 * - batch:<id>: hash of tree, open, failed, delivered, carry, the id of the execution that runs (running), and the data of its
 *   runs: run:<id>, origin:<id>, deleted:<id>, file:<hash>
 * - session:<id>, user:<id>, no-user: sets of the ids of batches with runs of this session, this user or none
 * - executions: sorted set of the ids of executions by the time they were scheduled
 * - ended: sorted set of the ids of ended executions by that time, without those that have failed or timed out
 * - failures: the same of the executions that have failed or timed out
 * - run:<id>: set of the ids of the executions of a run
 * - open: sorted set of the ids of batches that have open hooks, by the time they were stored
 * - finished: sorted set of the ids of batches that have ended and have failed hooks
 * - limits:<hook>:running, :waiting, :starts: set of the ids of executions that run, sorted set of those that wait by the time
 *   they first asked, list of the times of starts, the newest first
 * - tree:<id>: list of the ids of the open batches of a run tree
 * - key:<key>: the id of the last execution with this key
 * - retrying:<id>: the id of the execution of a run tree that is retried now
 */

/** The starts of a hook that are remembered, so that workers with another rate find them. */
const REMEMBERED_STARTS = 10_000;

const CHECK_CLAIM = `
local prefix, id, isRetry, job = ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6]
local found = redis.call('HMGET', KEYS[1], 'endedAt', 'fence', 'batch', 'job')
if not found[3] then return {'gone'} end
if found[1] or (found[4] and job ~= '' and found[4] ~= job) then return {'ended'} end
if tonumber(found[2]) >= tonumber(ARGV[1]) then return {'lost'} end
local key = prefix .. 'batch:' .. found[3]
local tree = redis.call('HGET', key, 'tree')
if tree then
  local retrying = redis.call('GET', prefix .. 'retrying:' .. tree)
  if retrying and retrying ~= id then return {'busy'} end
  if isRetry then
    for _, other in ipairs(redis.call('LRANGE', prefix .. 'tree:' .. tree, 0, -1)) do
      local running = redis.call('HGET', prefix .. 'batch:' .. other, 'running')
      if running and running ~= id then return {'busy'} end
    end
  end
end
`;

/** Functions for the limits of a hook: their keys begin with `limits`; `max` is 0 without a rate. */
const LIMITS = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function waitForRate(limits, max, per, ahead)
  if max == 0 then return 0 end
  local oldest = redis.call('LINDEX', limits .. 'starts', max - 1)
  if not oldest or now - oldest >= per then return 0 end
  local replaced = redis.call('LINDEX', limits .. 'starts', max - 1 - ahead % max)
  return math.max(1, math.ceil(replaced + per - now) + math.floor(ahead / max) * per)
end
local function countStart(limits, max, per)
  if max == 0 then return end
  local key = limits .. 'starts'
  redis.call('LPUSH', key, now)
  redis.call('LTRIM', key, 0, math.max(max, ${REMEMBERED_STARTS}) - 1)
  redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), math.ceil(per)))
end
`;

/** Whether an execution runs or waits is told by its state; those that do neither any longer leave the sets. */
const ASK_LIMITS = `
${LIMITS}
local limits = ARGV[8]
local concurrency, max, per = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local running = 0
if concurrency > 0 then
  for _, other in ipairs(redis.call('SMEMBERS', limits .. 'running')) do
    if redis.call('HGET', prefix .. 'execution:' .. other, 'state') ~= 'running' then redis.call('SREM', limits .. 'running', other)
    elseif other ~= id then running = running + 1 end
  end
end
redis.call('ZADD', limits .. 'waiting', 'NX', now, id)
local ahead = redis.call('ZRANK', limits .. 'waiting', id)
local wait = waitForRate(limits, max, per, ahead)
if concurrency > 0 and running >= concurrency then
  wait = math.max(wait, math.min(1 + ahead, ${MOST_LIMITED_PAUSES}) * ${LIMITED_PAUSE})
end
redis.call('HSETNX', KEYS[1], 'job', job)
if wait > 0 then return {'limited', tostring(wait)} end
redis.call('ZREM', limits .. 'waiting', id)
if concurrency > 0 then redis.call('SADD', limits .. 'running', id) end
countStart(limits, max, per)
`;

const COUNT_RETRY = `
${LIMITS}
local max, per = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait = waitForRate(KEYS[1], max, per, 0)
if wait == 0 then countStart(KEYS[1], max, per) end
return tostring(wait)
`;

const WAITING = `
local jobs = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 99)) do
  local found = redis.call('HMGET', ARGV[1] .. id, 'state', 'job')
  if found[1] ~= 'scheduled' then redis.call('ZREM', KEYS[1], id)
  elseif #jobs < ${NEXT_WAITING} then table.insert(jobs, found[2]) end
end
return jobs
`;

const TAKE = `
if tree then
  -- A day: the data of the batch may be deleted while its hook runs.
  if isRetry then redis.call('SET', prefix .. 'retrying:' .. tree, id, 'EX', 86400) end
  redis.call('HSET', key, 'running', id)
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'state', 'running')
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSETNX', KEYS[1], 'startedAt', ARGV[2])
local batch = redis.call('HMGET', key, 'delivered', 'carry')
local answer = {'claimed', redis.call('HGETALL', KEYS[1]), batch[1] or '', batch[2] or ''}
if ARGV[7] ~= '' then
  local run = redis.call('HMGET', key, 'run:' .. ARGV[7], 'deleted:' .. ARGV[7])
  answer[5] = run[2] and 'deleted' or run[1] or ''
end
return answer
`;

/** The hook with this id does not run any longer. */
const STOP_RUNNING = `
local function stopRunning(prefix, id, batch)
  if redis.call('HGET', batch, 'running') == id then redis.call('HDEL', batch, 'running') end
  local retrying = prefix .. 'retrying:' .. (redis.call('HGET', batch, 'tree') or '')
  if redis.call('GET', retrying) == id then redis.call('DEL', retrying) end
end
`;

const CHANGE = `
${STOP_RUNNING}
local prefix, id = ARGV[3], ARGV[4]
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'endedAt') == 1 then return 0 end
for index = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1]) end
if redis.call('HGET', KEYS[1], 'state') == 'scheduled' then
  stopRunning(prefix, id, prefix .. 'batch:' .. redis.call('HGET', KEYS[1], 'batch'))
end
if tonumber(ARGV[2]) ~= 0 then redis.call('HINCRBY', KEYS[1], 'attempts', ARGV[2]) end
return 1
`;

/** Removes a batch, and its id from the sets of its sessions and users. */
const REMOVE_BATCH = `
local function removeBatch(prefix, id)
  local batch = prefix .. 'batch:' .. id
  for _, field in ipairs(redis.call('HKEYS', batch)) do
    if string.sub(field, 1, 7) == 'origin:' then
      local origin = cjson.decode(redis.call('HGET', batch, field))
      redis.call('SREM', prefix .. 'session:' .. origin.sessionId, id)
      redis.call('SREM', prefix .. (origin.userId and 'user:' .. origin.userId or 'no-user'), id)
    end
  end
  local tree = redis.call('HGET', batch, 'tree')
  if tree then redis.call('LREM', prefix .. 'tree:' .. tree, 1, id) end
  redis.call('ZREM', prefix .. 'open', id)
  redis.call('ZREM', prefix .. 'finished', id)
  redis.call('DEL', batch)
end
`;

/** Ends an execution whose fields say so; returns the id of its batch if no other hook of it is open. */
const FINISH = `
${REMOVE_BATCH}
${STOP_RUNNING}
local function finish(prefix, id, endedAt, isFailed)
  redis.call('ZADD', prefix .. (tonumber(isFailed) == 1 and 'failures' or 'ended'), endedAt, id)
  local batchId = redis.call('HGET', prefix .. 'execution:' .. id, 'batch')
  local batch = prefix .. 'batch:' .. batchId
  if redis.call('EXISTS', batch) == 0 then return nil end
  stopRunning(prefix, id, batch)
  local failed = redis.call('HINCRBY', batch, 'failed', isFailed)
  if redis.call('HINCRBY', batch, 'open', -1) > 0 then return nil end
  redis.call('ZREM', prefix .. 'open', batchId)
  redis.call('LREM', prefix .. 'tree:' .. redis.call('HGET', batch, 'tree'), 1, batchId)
  if failed > 0 then redis.call('ZADD', prefix .. 'finished', endedAt, batchId) else removeBatch(prefix, batchId) end
  return batchId
end
`;

/**
 * The last of the waiting executions with a key takes the place of the one before it, whose id is the answer. A month: then it is
 * forgotten.
 */
const SUPERSEDE = `
${FINISH}
local prefix, pointer, id, endedAt = ARGV[1], ARGV[1] .. 'key:' .. ARGV[2], ARGV[3], ARGV[4]
local earlier = redis.call('GET', pointer)
redis.call('SET', pointer, id, 'EX', 2592000)
if not earlier or earlier == id then return nil end
local key = prefix .. 'execution:' .. earlier
if redis.call('HGET', key, 'state') ~= 'scheduled' then return nil end
redis.call('HSET', key, 'state', 'skipped', 'reason', 'superseded', 'endedAt', endedAt)
finish(prefix, earlier, endedAt, 0)
return earlier
`;

/** Without a fence: of an execution that no worker runs. */
const END = `
${FINISH}
local prefix = ARGV[1]
local found = redis.call('HMGET', KEYS[1], 'fence', 'state', 'endedAt')
if not found[2] or found[3] then return {0} end
if ARGV[2] == '' then
  if found[2] ~= 'scheduled' then return {0} end
elseif found[1] ~= ARGV[2] then return {0} end
for index = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1]) end
return {1, finish(prefix, ARGV[3], ARGV[4], ARGV[5])}
`;

const RETRY = `
local prefix, id = ARGV[1], ARGV[2]
local found = redis.call('HMGET', KEYS[1], 'state', 'fence', 'batch')
if found[1] ~= 'failed' and found[1] ~= 'timed_out' or found[2] ~= ARGV[3] then return 'conflict' end
local batch = prefix .. 'batch:' .. found[3]
if redis.call('HEXISTS', batch, 'run:' .. ARGV[4]) == 0 then return 'gone' end
local key = redis.call('HGET', KEYS[1], 'key')
if key then
  local waiting = redis.call('GET', prefix .. 'key:' .. key)
  if waiting and waiting ~= id and redis.call('HGET', prefix .. 'execution:' .. waiting, 'state') == 'scheduled' then
    return 'conflict'
  end
  redis.call('SET', prefix .. 'key:' .. key, id, 'EX', 2592000)
end
redis.call('HSET', KEYS[1], 'state', 'scheduled', 'job', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'fence', ${RETRY_FENCES})
redis.call('HDEL', KEYS[1], 'endedAt', 'reason', 'errorName')
redis.call('ZREM', prefix .. 'failures', id)
redis.call('ZREM', prefix .. 'ended', id)
redis.call('HINCRBY', batch, 'failed', -1)
if redis.call('HINCRBY', batch, 'open', 1) == 1 then
  redis.call('ZREM', prefix .. 'finished', found[3])
  redis.call('ZADD', prefix .. 'open', ARGV[5], found[3])
  redis.call('LPUSH', prefix .. 'tree:' .. redis.call('HGET', batch, 'tree'), found[3])
end
return 'retried'
`;

const DISCARD = `${REMOVE_BATCH}
local prefix, id = ARGV[1], ARGV[2]
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('HGET', key, 'fence') or 0) > 0 then return 0 end
end
removeBatch(prefix, id)
redis.call('DEL', unpack(KEYS))
for index = 3, #ARGV, 2 do
  redis.call('ZREM', prefix .. 'executions', ARGV[index])
  redis.call('ZREM', prefix .. 'ended', ARGV[index])
  redis.call('ZREM', prefix .. 'failures', ARGV[index])
  redis.call('SREM', prefix .. 'run:' .. ARGV[index + 1], ARGV[index])
end
return 1
`;

/** Adds the id of an execution, its fence and the reason if no worker will run it. */
const LOST_REASON = `
local function addLost(lost, prefix, jobs, id)
  local found = redis.call('HMGET', prefix .. 'execution:' .. id, 'fence', 'job')
  if not found[2] then return end
  local reason
  if redis.call('EXISTS', jobs .. found[2]) == 0 then reason = 'gone'
  elseif redis.call('ZSCORE', jobs .. 'failed', found[2]) or redis.call('ZSCORE', jobs .. 'completed', found[2]) then reason = 'failed' end
  if not reason then return end
  for _, value in ipairs({id, found[1], reason}) do table.insert(lost, value) end
end
`;

/**
 * Open executions whose job has failed in the queue, or is gone: of some of the batches that are open. Batches of which no
 * execution is open are removed.
 */
const LOST = `${REMOVE_BATCH}
${LOST_REASON}
local prefix, jobs = ARGV[1], ARGV[2]
local lost = {}
for _, batch in ipairs(redis.call('ZRANGE', prefix .. 'open', ARGV[3], ARGV[4])) do
  local open = 0
  for _, field in ipairs(redis.call('HKEYS', prefix .. 'batch:' .. batch)) do
    if string.sub(field, 1, 7) == 'origin:' then
      for _, id in ipairs(redis.call('SMEMBERS', prefix .. 'run:' .. string.sub(field, 8))) do
        local found = redis.call('HMGET', prefix .. 'execution:' .. id, 'batch', 'endedAt')
        if found[1] == batch and not found[2] then
          open = open + 1
          addLost(lost, prefix, jobs, id)
        end
      end
    end
  end
  if open == 0 then removeBatch(prefix, batch) end
end
return lost
`;

const LOST_ONE = `${LOST_REASON}
local lost = {}
if redis.call('HEXISTS', ARGV[1] .. 'execution:' .. ARGV[3], 'endedAt') == 0 then addLost(lost, ARGV[1], ARGV[2], ARGV[3]) end
return lost
`;

const RELEASE = `
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'delivered', ARGV[1]) end
`;

const CLAIM = CHECK_CLAIM + TAKE;
const CLAIM_LIMITED = CHECK_CLAIM + ASK_LIMITS + TAKE;

const REMOVE = `${REMOVE_BATCH}
removeBatch(ARGV[1], ARGV[2])
`;

/** Deletes the data of runs of a batch: prefix, id of the batch, time, ids of the runs. */
const FORGET = `${REMOVE_BATCH}
local prefix, id, at = ARGV[1], ARGV[2], ARGV[3]
local batch = prefix .. 'batch:' .. id
if redis.call('EXISTS', batch) == 0 then return {0} end
local answer = {0}
for index = 4, #ARGV do
  local run = ARGV[index]
  redis.call('HDEL', batch, 'run:' .. run)
  redis.call('HSET', batch, 'deleted:' .. run, 1)
  for _, execution in ipairs(redis.call('SMEMBERS', prefix .. 'run:' .. run)) do
    local key = prefix .. 'execution:' .. execution
    local found = redis.call('HMGET', key, 'batch', 'state', 'endedAt')
    if found[1] == id and found[2] == 'scheduled' and not found[3] then
      redis.call('HSET', key, 'state', 'dropped', 'reason', 'deleted', 'endedAt', at)
      redis.call('ZADD', prefix .. 'ended', at, execution)
      redis.call('HINCRBY', batch, 'open', -1)
      table.insert(answer, execution)
    end
  end
end
local used, left = {}, 0
local fields = redis.call('HKEYS', batch)
for _, field in ipairs(fields) do
  if string.sub(field, 1, 4) == 'run:' then
    left = left + 1
    for _, hash in ipairs(cjson.decode(redis.call('HGET', batch, field)).files) do used[hash] = true end
  end
end
for _, field in ipairs(fields) do
  if string.sub(field, 1, 5) == 'file:' and not used[string.sub(field, 6)] then redis.call('HDEL', batch, field) end
end
if left == 0 then redis.call('HDEL', batch, 'carry') end
if tonumber(redis.call('HGET', batch, 'open')) > 0 then return answer end
answer[1] = 1
if left == 0 or tonumber(redis.call('HGET', batch, 'failed')) == 0 then
  removeBatch(prefix, id)
  return answer
end
redis.call('ZREM', prefix .. 'open', id)
redis.call('LREM', prefix .. 'tree:' .. redis.call('HGET', batch, 'tree'), 1, id)
redis.call('ZADD', prefix .. 'finished', 'NX', at, id)
return answer
`;

/**
 * Calls `take` with each execution of a page, the newest first. The next page begins at a time, and leaves out the executions of
 * this time that were on this page; there is none after the last one.
 */
const PAGE_OF_EXECUTIONS = `
local prefix, from, left, size = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local found = redis.call('ZREVRANGEBYSCORE', prefix .. 'executions', from, '-inf', 'WITHSCORES', 'LIMIT', left, size)
for index = 1, #found, 2 do
  take(prefix .. 'execution:' .. found[index], found[index + 1])
  if found[index + 1] == from then left = left + 1 else from, left = found[index + 1], 1 end
end
local next = #found == 2 * size and {from, left} or {}
`;

const COUNTS = `
local counts = {}
local function take(key)
  local state = redis.call('HGET', key, 'state')
  if state then counts[state] = (counts[state] or 0) + 1 end
end
${PAGE_OF_EXECUTIONS}
return {next, cjson.encode(counts)}
`;

/** Also given: 1 if only open executions count, 'some' or 'none' if only those of a user or of none, and the user. */
const TALLY = `
local tallies = {}
local function take(key, scheduledAt)
  local found = redis.call('HMGET', key, 'state', 'endedAt', 'startedAt', 'execution')
  if not found[1] or (ARGV[5] == '1' and found[2]) then return end
  local execution = cjson.decode(found[4])
  if ARGV[6] == 'some' and execution.userId ~= ARGV[7] or ARGV[6] == 'none' and execution.userId then return end
  local startedAt = found[3] or execution.startedAt
  local duration = found[2] and startedAt and found[2] - startedAt or ''
  local component = cjson.encode(execution.component)
  local parts = {component, execution.phase, execution.mode, execution.hook, found[1], tostring(duration)}
  local name = cjson.encode(parts)
  local tally = tallies[name]
  if tally then tally[7], tally[8] = tally[7] + 1, scheduledAt
  else parts[7], parts[8], tallies[name] = 1, scheduledAt, parts end
end
${PAGE_OF_EXECUTIONS}
local answer = {}
for _, tally in pairs(tallies) do table.insert(answer, tally) end
return {next, answer}
`;

/** How many open batches are looked at together for lost executions, and how many times in one call. */
const LOST_PAGE = 100;
const LOST_PAGES = 100;

/** How many executions are read at once. */
const PAGE = 500;

/** Batches and their ledger in Redis, beside BullMQ's keys. Each change is one script, and with it atomic. */
export class RedisQueueStore implements QueueStore {
  readonly #client: Redis;
  readonly #prefix: string;
  /** What BullMQ's keys of this queue begin with. */
  readonly #jobs: string;
  readonly #close: () => Promise<void>;
  /** The place among the open batches at which the next look for lost executions begins. */
  #nextLost = 0;

  constructor(client: Redis, queue: string, close: () => Promise<void>) {
    this.#client = client;
    this.#prefix = `agent-os:${queue}:`;
    this.#jobs = `bull:${queue}:`;
    this.#close = close;
  }

  async open(): Promise<readonly string[]> {
    const warnings: string[] = [];
    const read = async (name: string): Promise<string> => (await this.#client.config('GET', name))[1] ?? '';
    try {
      const policy = await read('maxmemory-policy');
      if (policy !== 'noeviction')
        warnings.push(
          `Redis may drop background hooks when its memory is full: maxmemory-policy is "${policy}". Set it to "noeviction".`,
        );
      const [appendOnly, save] = [await read('appendonly'), await read('save')];
      if (appendOnly !== 'yes' && save === '')
        warnings.push(
          'Redis keeps nothing on disk (appendonly is "no" and save is empty), so its restart loses background hooks. Set ' +
            'appendonly to "yes".',
        );
    } catch (thrown) {
      warnings.push(
        `Whether Redis keeps background hooks on disk and never evicts them could not be checked: CONFIG GET was refused ` +
          `(${reasonOf(thrown)}). It needs maxmemory-policy noeviction and appendonly yes.`,
      );
    }
    return warnings;
  }

  close(): Promise<void> {
    return this.#close();
  }

  async add(batch: NewBatch, addJobs: () => Promise<void>): Promise<readonly string[]> {
    const { id, tree, carry, executions, keys, jobs, origins, snapshots, files } = batch;
    const open = executions.filter(({ endedAt }) => endedAt === undefined).length;
    const failed = executions.filter(({ state }) => state === 'failed' || state === 'timed_out').length;
    const fields: Record<string, string | number> = { tree, open, failed };
    if (carry !== undefined) fields['carry'] = carry;
    for (const [runId, snapshot] of snapshots) fields[`run:${runId}`] = JSON.stringify(snapshot);
    for (const [runId, origin] of origins) fields[`origin:${runId}`] = JSON.stringify(origin);
    for (const [hash, content] of files) fields[`file:${hash}`] = content;
    const commands = this.#client.multi().hset(this.#key('batch', id), fields);
    for (const { sessionId, userId } of origins.values()) {
      commands.sadd(this.#key('session', sessionId), id);
      commands.sadd(this.#keyOfUser(userId), id);
    }
    commands.zadd(this.#key('open'), Date.now(), id).rpush(this.#key('tree', tree), id);
    for (const execution of executions) {
      const { state, attempts, endedAt, ...rest } = execution;
      const key = this.#key('execution', execution.id);
      const job = jobs.get(execution.id);
      commands.hset(key, {
        ...{ execution: JSON.stringify(rest), batch: id, fence: 0, state, attempts },
        ...(job === undefined ? {} : { job }),
        ...(endedAt === undefined ? {} : { endedAt }),
      });
      if (endedAt !== undefined) {
        commands.zadd(this.#key(isFailed(execution) ? 'failures' : 'ended'), endedAt, execution.id);
      }
      const superseding = keys.get(execution.id);
      if (superseding !== undefined) {
        commands.hset(key, { key: superseding });
        commands.eval(SUPERSEDE, 0, this.#prefix, superseding, execution.id, Date.now());
      }
      commands.zadd(this.#key('executions'), execution.scheduledAt, execution.id);
      commands.sadd(this.#key('run', execution.runId), execution.id);
    }
    // A process that dies between the two leaves jobs of unknown hooks, which end without calling one.
    await addJobs();
    // Only SUPERSEDE answers with a text.
    return (await this.#execute(commands)).filter((answer) => typeof answer === 'string');
  }

  async isStored(batchId: string): Promise<boolean> {
    return (await this.#client.exists(this.#key('batch', batchId))) === 1;
  }

  async discard({ id, executions }: BatchIds): Promise<void> {
    const keys = executions.map((execution) => this.#key('execution', execution.id));
    const parameters = [
      this.#prefix,
      id,
      ...executions.flatMap((execution) => [execution.id, execution.runId]),
    ];
    await this.#client.eval(DISCARD, keys.length, ...keys, ...parameters);
  }

  async release(batchId: string, delivered: boolean | undefined): Promise<void> {
    if (delivered === undefined) return;
    // A batch that has run by itself may be gone.
    await this.#client.eval(RELEASE, 1, this.#key('batch', batchId), String(delivered));
  }

  async hasEarlierOpen(batchId: string): Promise<boolean> {
    const tree = await this.#client.hget(this.#key('batch', batchId), 'tree');
    if (tree === null) return false;
    const [first] = await this.#client.lrange(this.#key('tree', tree), 0, 0);
    return first !== undefined && first !== batchId;
  }

  async snapshot(batchId: string, runId: string): Promise<EncodedSnapshot | 'deleted' | undefined> {
    const key = this.#key('batch', batchId);
    const [found, deleted] = await this.#client.hmget(key, `run:${runId}`, `deleted:${runId}`);
    if (typeof deleted === 'string') return 'deleted';
    return typeof found === 'string' ? toSnapshot(found) : undefined;
  }

  async file(batchId: string, hash: string): Promise<string | undefined> {
    return (await this.#client.hget(this.#key('batch', batchId), `file:${hash}`)) ?? undefined;
  }

  async claim(
    { executionId, fence, isRetry }: Fence,
    startedAt: number,
    { jobId = '', limits, snapshotOf = '' }: ClaimRequest = {},
  ): Promise<Claim> {
    const key = this.#key('execution', executionId);
    const common = [fence, startedAt, this.#prefix, executionId, isRetry ? 1 : 0, jobId, snapshotOf];
    const answer = (await (limits
      ? this.#client.eval(CLAIM_LIMITED, 1, key, ...common, ...this.#limitArguments(limits))
      : this.#client.eval(CLAIM, 1, key, ...common))) as ClaimAnswer;
    if (answer[0] === 'limited') return { kind: 'limited', wait: Number(answer[1]) };
    const [kind, fields = [], delivered = '', carry = '', snapshot = ''] = answer;
    if (kind !== 'claimed') return { kind };
    return {
      kind,
      execution: toExecution(fields),
      batch: {
        ...(delivered === '' ? {} : { delivered: delivered === 'true' }),
        ...(carry === '' ? {} : { carry }),
      },
      ...(snapshot === '' ? {} : { snapshot: snapshot === 'deleted' ? snapshot : toSnapshot(snapshot) }),
    };
  }

  #limitArguments({ hook, concurrency = 0, rate }: HookLimits): (string | number)[] {
    const { max = 0, per = 0 } = rate ?? {};
    return [this.#limitKey(hook), concurrency, max, per];
  }

  async countRetry({ hook, rate }: HookLimits): Promise<number> {
    if (!rate) return 0;
    return Number(await this.#client.eval(COUNT_RETRY, 1, this.#limitKey(hook), rate.max, rate.per));
  }

  async waiting(hook: string): Promise<readonly string[]> {
    const key = `${this.#limitKey(hook)}waiting`;
    return (await this.#client.eval(WAITING, 1, key, this.#key('execution', ''))) as string[];
  }

  #limitKey(hook: string): string {
    return `${this.#key('limits', hook)}:`;
  }

  unclaim(claimed: Fence): Promise<void> {
    return this.#change(claimed, -1, { state: 'scheduled' });
  }

  attempt(claimed: Fence, attempts: number): Promise<void> {
    return this.#change(claimed, 0, { attempts });
  }

  handBack(claimed: Fence): Promise<void> {
    return this.#change(claimed, 0, { state: 'scheduled' });
  }

  async end({ executionId, fence }: Fence, ended: HookExecution): Promise<RecordedEnd> {
    const { state, reason, errorName, attempts, endedAt } = ended;
    return this.#end(executionId, { state, reason, errorName, attempts, endedAt }, fence);
  }

  endWaiting(executionId: string, { state, reason, endedAt }: WaitingEnd): Promise<RecordedEnd> {
    return this.#end(executionId, { state, reason, endedAt });
  }

  async retry(executionId: string, addJob: (found: RetriedExecution) => Promise<void>): Promise<RetryResult> {
    const key = this.#key('execution', executionId);
    const [execution] = await this.#read([executionId]);
    const [batch, fence] = await this.#client.hmget(key, 'batch', 'fence');
    if (!execution || !batch) return 'gone';
    const { state, runId } = execution;
    if (state !== 'failed' && state !== 'timed_out') return 'conflict';
    const [tree, origin] = await this.#client.hmget(this.#key('batch', batch), 'tree', `origin:${runId}`);
    if (!tree || !origin) return 'gone';
    // A process that dies between the two leaves a job that the execution does not name: it ends without a hook.
    const jobId = retryJobId(batch);
    const raised = Number(fence) + RETRY_FENCES;
    await addJob({ batch, tree, jobId, fence: raised, origin: JSON.parse(origin) as RunOrigin });
    const parameters = [this.#prefix, executionId, fence ?? 0, runId, Date.now(), jobId];
    return (await this.#client.eval(RETRY, 1, key, ...parameters)) as RetryResult;
  }

  async lost(executionId?: string): Promise<readonly LostExecution[]> {
    const found =
      executionId === undefined
        ? await this.#lostOfPages()
        : await this.#client.eval(LOST_ONE, 0, this.#prefix, this.#jobs, executionId);
    const answers = found as string[];
    const lost: LostExecution[] = [];
    for (let index = 0; index < answers.length; index += 3) {
      const [id = '', fence, reason] = answers.slice(index, index + 3);
      const [execution] = await this.#read([id]);
      if (execution)
        lost.push({ execution, fence: Number(fence), reason: reason === 'gone' ? 'gone' : 'failed' });
    }
    return lost;
  }

  /** Looks at some of the open batches, and at the others the next time. */
  async #lostOfPages(): Promise<string[]> {
    const lost: string[] = [];
    for (let page = 0; page < LOST_PAGES; page++) {
      const range = [this.#nextLost, this.#nextLost + LOST_PAGE - 1];
      lost.push(...((await this.#client.eval(LOST, 0, this.#prefix, this.#jobs, ...range)) as string[]));
      const isLast = (await this.#client.zcard(this.#key('open'))) <= this.#nextLost + LOST_PAGE;
      this.#nextLost = isLast ? 0 : this.#nextLost + LOST_PAGE;
      if (isLast) break;
    }
    return lost;
  }

  async #end(
    executionId: string,
    { state, endedAt = Date.now(), ...rest }: Fields & Pick<HookExecution, 'state' | 'endedAt'>,
    fence?: number,
  ): Promise<RecordedEnd> {
    const fields = { ...rest, state, endedAt };
    const key = this.#key('execution', executionId);
    const parameters = [
      this.#prefix,
      fence ?? '',
      executionId,
      endedAt,
      isFailed({ state }) ? 1 : 0,
      ...flat(fields),
    ];
    const [isRecorded, batchEnded] = (await this.#client.eval(END, 1, key, ...parameters)) as [
      number,
      string?,
    ];
    return { isRecorded: isRecorded === 1, ...(batchEnded === undefined ? {} : { batchEnded }) };
  }

  async ended(batchIds: readonly string[]): Promise<readonly string[]> {
    if (batchIds.length === 0) return [];
    const scores = await this.#client.zmscore(this.#key('open'), ...batchIds);
    return batchIds.filter((_, index) => scores[index] === null);
  }

  async countOpen(limit: number): Promise<number> {
    return Math.min(limit, await this.#client.zcard(this.#key('open')));
  }

  async list(filter: HookExecutionFilter): Promise<HookExecution[]> {
    const { id, runId, runIds = runId === undefined ? undefined : [runId], limit = 100 } = filter;
    if (id !== undefined) return (await this.#read([id])).filter((execution) => isWanted(execution, filter));
    if (runIds) {
      const ids = await Promise.all(runIds.map((one) => this.#client.smembers(this.#key('run', one))));
      const found = (await this.#read(ids.flat())).filter((execution) => isWanted(execution, filter));
      return found.sort((one, other) => other.scheduledAt - one.scheduledAt).slice(0, limit);
    }
    const found: HookExecution[] = [];
    for (let start = 0; found.length < limit; start += PAGE) {
      const ids = await this.#client.zrevrange(this.#key('executions'), start, start + PAGE - 1);
      if (ids.length === 0) break;
      found.push(...(await this.#read(ids)).filter((execution) => isWanted(execution, filter)));
    }
    return found.slice(0, limit);
  }

  async counts(): Promise<ExecutionCounts> {
    const counts: Partial<Record<HookExecutionState, number>> = {};
    for await (const page of this.#pages<string>(COUNTS)) {
      const found = JSON.parse(page) as ExecutionCounts;
      for (const [state, count] of Object.entries(found) as [HookExecutionState, number][])
        counts[state] = (counts[state] ?? 0) + count;
    }
    return counts;
  }

  async tally({ userId, isOpen }: Omit<HookTotalsFilter, 'mode'>): Promise<readonly CountedExecutions[]> {
    const user = userId === undefined ? ['', ''] : userId === null ? ['none', ''] : ['some', userId];
    const tallies: CountedExecutions[] = [];
    for await (const page of this.#pages<TallyAnswer[]>(TALLY, isOpen ? 1 : 0, ...user))
      tallies.push(...page.map(toCounted));
    return tallies;
  }

  /** The answers of a script about all executions, page by page: it must not keep the server from other work for long. */
  async *#pages<A>(script: string, ...parameters: readonly (string | number)[]): AsyncGenerator<A> {
    let next: readonly (string | number)[] = ['+inf', 0];
    while (next.length > 0) {
      const [from = '', left = 0] = next;
      const answer = await this.#client.eval(script, 0, this.#prefix, from, left, PAGE, ...parameters);
      const [after, page] = answer as [typeof next, A];
      yield page;
      next = after;
    }
  }

  async forget(runs: RunCriteria, endedAt: number): Promise<ForgottenHooks> {
    const dropped: string[] = [];
    const batchesEnded: string[] = [];
    for (const id of await this.#batchesOf(runs)) {
      const runIds = await this.#runsOf(id, runs);
      if (runIds.length === 0) continue;
      const [hasEnded, ...executions] = (await this.#client.eval(
        FORGET,
        0,
        this.#prefix,
        id,
        endedAt,
        ...runIds,
      )) as [number, ...string[]];
      dropped.push(...executions);
      if (hasEnded === 1) batchesEnded.push(id);
    }
    return { dropped, batchesEnded };
  }

  /** The ids of the batches that may have such runs. */
  async #batchesOf({ runIds, sessionIds, userId }: RunCriteria): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const addAll = async (key: string): Promise<void> => {
      for (const id of await this.#client.smembers(key)) found.add(id);
    };
    if (sessionIds) for (const id of sessionIds) await addAll(this.#key('session', id));
    else if (userId !== undefined) await addAll(this.#keyOfUser(userId ?? undefined));
    else
      for (const runId of runIds ?? [])
        for (const execution of await this.#client.smembers(this.#key('run', runId))) {
          const batch = await this.#client.hget(this.#key('execution', execution), 'batch');
          if (batch !== null) found.add(batch);
        }
    return found;
  }

  /** The ids of the runs of a batch that match. */
  async #runsOf(batchId: string, runs: RunCriteria): Promise<string[]> {
    const key = this.#key('batch', batchId);
    const fields = (await this.#client.hkeys(key)).filter((field) => field.startsWith('origin:'));
    if (fields.length === 0) return [];
    const values = await this.#client.hmget(key, ...fields);
    return fields.flatMap((field, index) => {
      const runId = field.slice('origin:'.length);
      const origin = JSON.parse(values[index] ?? '{}') as HookOfRun['origin'];
      return isOfRuns({ execution: { runId }, origin }, runs) ? [runId] : [];
    });
  }

  async sweep({ remembered, keepFailed }: SweepLimits): Promise<void> {
    const forgotten = await Promise.all(
      ['ended', 'failures'].map((kind) => this.#client.zrange(this.#key(kind), 0, String(-1 - remembered))),
    );
    for (const id of forgotten.flat()) {
      const runId = runIdOf(id);
      await this.#execute(
        this.#client
          .multi()
          .zrem(this.#key('ended'), id)
          .zrem(this.#key('failures'), id)
          .zrem(this.#key('executions'), id)
          .srem(this.#key('run', runId), id)
          .del(this.#key('execution', id)),
      );
    }
    const old = Date.now() - keepFailed;
    const finished = await this.#client.zrangebyscore(this.#key('finished'), '-inf', old);
    for (const id of finished) await this.#client.eval(REMOVE, 0, this.#prefix, id);
  }

  async #change({ executionId, fence }: Fence, attempts: number, fields: Fields): Promise<void> {
    const key = this.#key('execution', executionId);
    await this.#client.eval(CHANGE, 1, key, fence, attempts, this.#prefix, executionId, ...flat(fields));
  }

  async #read(ids: readonly string[]): Promise<HookExecution[]> {
    const commands = this.#client.pipeline();
    for (const id of ids) commands.hgetall(this.#key('execution', id));
    const answers = (await commands.exec()) ?? [];
    return answers.flatMap(([error, fields]) => {
      if (error) throw error;
      const pairs = Object.entries(fields as Record<string, string>).flat();
      return pairs.length === 0 ? [] : [toExecution(pairs)];
    });
  }

  async #execute(commands: ReturnType<Redis['multi']>): Promise<readonly unknown[]> {
    const answers = await commands.exec();
    if (!answers) throw new Error('Redis has not executed a transaction.');
    return answers.map(([error, answer]) => {
      if (error) throw error;
      return answer;
    });
  }

  #keyOfUser(userId: string | undefined): string {
    return userId === undefined ? this.#key('no-user') : this.#key('user', userId);
  }

  #key(kind: string, id?: string): string {
    return id === undefined ? `${this.#prefix}${kind}` : `${this.#prefix}${kind}:${id}`;
  }
}

type ClaimAnswer =
  | readonly [kind: 'limited', wait: string]
  | readonly [
      kind: 'claimed' | 'ended' | 'lost' | 'gone',
      fields?: string[],
      delivered?: string,
      carry?: string,
      snapshot?: string,
    ];

/** Executions as a script has counted them. */
type TallyAnswer = readonly [
  component: string,
  phase: HookPhase,
  mode: HookMode,
  hook: string,
  state: HookExecutionState,
  duration: string,
  count: number,
  scheduledAt: string,
];

type Fields = Readonly<Record<string, string | number | undefined>>;

function isFailed({ state }: Pick<HookExecution, 'state'>): boolean {
  return state === 'failed' || state === 'timed_out';
}

function flat(fields: Fields): (string | number)[] {
  return Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function toCounted([
  component,
  phase,
  mode,
  hook,
  state,
  duration,
  count,
  scheduledAt,
]: TallyAnswer): CountedExecutions {
  return {
    ...{ phase, mode, hook, state, count },
    component: JSON.parse(component) as ComponentIdentity,
    scheduledAt: Number(scheduledAt),
    ...(duration === '' ? {} : { duration: Number(duration) }),
  };
}

/** The id of an execution is that of its run, its phase and the name of its hook. */
function runIdOf(executionId: string): string {
  return executionId.slice(0, executionId.lastIndexOf(':', executionId.lastIndexOf(':') - 1));
}

/** One that is damaged is empty: it cannot be decoded. The message of an error of JSON.parse() would quote the text. */
function toSnapshot(json: string): EncodedSnapshot {
  try {
    return JSON.parse(json) as EncodedSnapshot;
  } catch {
    return { json: '', meta: null, files: [] };
  }
}

function toExecution(pairs: readonly string[]): HookExecution {
  const fields = new Map<string, string>();
  for (let index = 0; index < pairs.length; index += 2)
    fields.set(pairs[index] ?? '', pairs[index + 1] ?? '');
  const number = (name: string): number | undefined => {
    const value = fields.get(name);
    return value === undefined ? undefined : Number(value);
  };
  const known = JSON.parse(fields.get('execution') ?? '{}') as Omit<HookExecution, 'state' | 'attempts'>;
  const [startedAt, endedAt] = [number('startedAt'), number('endedAt')];
  const [reason, errorName] = [fields.get('reason') as HookExecution['reason'], fields.get('errorName')];
  return {
    ...known,
    state: fields.get('state') as HookExecutionState,
    attempts: number('attempts') ?? 0,
    ...(reason === undefined ? {} : { reason }),
    ...(errorName === undefined ? {} : { errorName }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

function isWanted(execution: HookExecution, filter: HookExecutionFilter): boolean {
  const { runId, userId, hook, state, endedFrom, endedBefore } = filter;
  const { endedAt } = execution;
  if (runId !== undefined && execution.runId !== runId) return false;
  if (endedFrom !== undefined && !(endedAt !== undefined && endedAt >= endedFrom)) return false;
  if (endedBefore !== undefined && !(endedAt !== undefined && endedAt < endedBefore)) return false;
  if (userId !== undefined && (execution.userId ?? null) !== userId) return false;
  if (hook !== undefined && execution.hook !== hook) return false;
  return state === undefined || execution.state === state;
}
