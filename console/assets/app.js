'use strict';
// The page of package console. Every text is set by textContent, so no name or error can
// become markup.

const $ = id => document.getElementById(id);
const RANK = {open: 0, isolated: 1, 'half-open': 2, closed: 3};
const KEEP = 500;     // events kept, and at most drawn
const WINDOW = 10e3;  // ms over which rates are taken
const SAMPLES = 60;   // of a sparkline
const SVG = 'http://www.w3.org/2000/svg';

function el(tag, cls, ...inside) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(...inside);
  return e;
}
function put(e, text) { if (e.textContent !== text) e.textContent = text; }
function mark(e, cls) { if (e.className !== cls) e.className = cls; }
function svg(cls, w, h, ...classes) {
  const s = document.createElementNS(SVG, 'svg');
  s.setAttribute('class', cls);
  s.setAttribute('viewBox', `0 0 ${w} ${h}`);
  s.setAttribute('preserveAspectRatio', 'none');
  s.setAttribute('aria-hidden', 'true');
  s.paths = classes.map(c => {
    const p = document.createElementNS(SVG, 'path');
    p.setAttribute('class', c);
    s.append(p);
    return p;
  });
  return s;
}

// Words

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' m ' + s % 60 + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' m';
  return Math.floor(s / 86400) + ' d ' + Math.floor(s % 86400 / 3600) + ' h';
}
function secs(s) {
  if (!(s > 0)) return '–';
  if (s < 0.001) return short(s * 1e6) + ' µs';
  if (s < 1) return short(s * 1e3) + ' ms';
  return short(s) + ' s';
}
function short(n) { return n >= 100 ? group(Math.round(n)) : String(+n.toPrecision(n >= 10 ? 3 : 2)); }
function group(n) { return n < 1000 ? String(n) : String(n).replace(/\B(?=(\d{3})+$)/g, ','); }
function count(n, one, many) { return group(n) + ' ' + (n === 1 ? one : many || one + 's'); }
// percent does not write a share that is below a bound as the bound, nor one above 0 as 0.
function percent(x, bound = 1) {
  const near = Math.round(x * 1000), low = x < bound && near >= Math.round(bound * 1000) || x > 0.99 && x < 1;
  const n = low ? Math.floor(x * 1000) : near;
  return x > 0 && n === 0 ? '< 0.1 %' : n / 10 + ' %';
}
function clock(at) { return new Date(at).toTimeString().slice(0, 8); }

// why says in words why a circuit moved.
function why(reason, counts, window) {
  const of = window ? ' in ' + (window.endsWith('calls') ? 'the last ' : '') + window : ' in a row';
  const {successes = 0, failures = 0, slow = 0} = counts || {};
  const rate = n => n ? ' (' + n + ' of ' + count(successes + failures, 'call') + ')' : '';
  switch (reason) {
    case 'failures': return failures ? count(failures, 'failure') + of : 'too many failures';
    case 'failure_rate': return 'too many calls failed' + rate(failures);
    case 'slow_rate': return 'too many calls were slow' + rate(slow);
    case 'recovery_elapsed': return 'its recovery time has passed';
    case 'probe_failed': return 'a probe failed';
    case 'probe_slow': return 'a probe was slow';
    case 'probes_succeeded': return 'its probes succeeded';
    case 'no_verdict': return 'its probes brought no verdict';
    case 'reset': return 'it was reset';
    case 'reconfigured': return 'its config changed';
    case undefined: case '': return '';
  }
  return '“' + reason + '”';
}

// State

let shot = null;        // the latest snapshot
let shotAt = 0;         // when it came, by performance.now()
let last = 0;           // the id of the newest event
let known = 0;          // the newest event when the page was opened: later ones are announced
let fresh = [];         // events that are not drawn yet, the oldest first
let paused = false, source = null, timer = 0, seen = 0;
let era = 0;            // moves on when the page disconnects: a poll of before ends
const circuits = new Map(), pipelines = new Map(), limits = new Map(), config = new Map();
let values = [];        // of the configuration
let digest = '';        // of values; a stream has the digest alone
let fetching = false;

function now() { return new Date(shot.at).getTime() + performance.now() - shotAt; } // by the server's clock

// Connection: a stream; while there is none, polling.

function connect() {
  disconnect();
  if (paused || document.hidden) return;
  source = new EventSource('stream' + (last ? '?after=' + last : ''));
  source.onopen = () => status('live', 'live');
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) { disconnect(); poll(0); } else lost('reconnecting');
  };
  source.addEventListener('snapshot', m => { status('live', 'live'); take(JSON.parse(m.data)); });
  source.addEventListener('event', m => hear(JSON.parse(m.data)));
  source.addEventListener('dropped', m => hear({kind: 'dropped', count: JSON.parse(m.data).events}));
}
function disconnect() {
  if (source) source.close();
  source = null;
  era++;
  clearTimeout(timer);
}
async function poll(n) {
  const mine = era;
  try {
    await refresh();
    const r = await (await get('events?after=' + last)).json();
    r.events.forEach(hear);
    if (mine === era) status('connecting', 'polling, without a stream');
  } catch { if (mine === era) lost('unreachable'); }
  if (mine === era) timer = setTimeout(() => n < 4 ? poll(n + 1) : connect(), Math.max(2000, shot ? shot.interval / 1e6 : 0));
}
async function get(url) {
  const r = await fetch(url, {cache: 'no-store'});
  if (!r.ok) throw new Error(await r.text());
  return r;
}
async function refresh() { take(await (await get('snapshot')).json()); }
function status(cls, text) { mark($('live'), cls); put($('live'), text); }
function lost(what) { status('connecting', what + (shot ? ', last seen ' + clock(seen) : '')); }

function take(s) {
  if (s.version !== 1) { status('connecting', 'the server is newer: reload this page'); return; }
  if (shot && shot.boot !== s.boot) restarted();
  if (!shot) known = s.event;
  turn++;
  shot = s; shotAt = performance.now(); seen = Date.now();
  if (s.registry) configure(s.registry);
  draw();
}
// configure takes the values of a snapshot. If a stream says that they have changed, it asks
// for them.
function configure(r) {
  if (r.digest === digest) return;
  if (r.values) { values = r.values; digest = r.digest; configured = true; }
  else if (!fetching) {
    fetching = true;
    refresh().catch(() => {}).finally(() => { fetching = false; });
  }
}
function restarted() {
  fresh = []; last = known = 0; digest = ''; pipelines.forEach(p => p.past = []);
  $('events').replaceChildren();
  get('events').then(r => r.json()).then(r => r.events.forEach(hear), () => {});
}
function hear(e) {
  if (e.id) {
    if (e.id <= last) return;
    last = e.id;
  }
  fresh.push(e);
  const c = shot && e.to && shot.circuits.find(c => c.name === e.name);
  if (c && e.kind === 'state_changed' && new Date(e.at) > new Date(c.since || 0)) {
    Object.assign(c, {state: e.to, since: e.at, reason: e.reason, cause: e.err, retry_after: 0, meters: [], counts: {}});
    soon();
  }
  if (e.kind === 'state_changed' && e.id > known && shot) tell(e);
  if (e.kind === 'reloaded' && e.id > known && shot) refresh().catch(() => {});
  soonEvents();
}

// Drawing. Nothing is drawn twice a frame, and only what has changed.

let drawing = 0, listing = 0;
function soon() { if (!drawing) drawing = requestAnimationFrame(draw); }
function soonEvents() { if (!listing) listing = setTimeout(drawEvents, 120); }

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  if (!shot) return;
  put($('title'), shot.title);
  put($('instance'), shot.instance || '');
  drawPipelines();
  drawCircuits();
  drawLimits();
  drawConfig();
  drawTrouble();
}

// keep makes the list's items those of all, in order, and reuses what there is.
function keep(list, known, all, make, change) {
  const names = new Set();
  const order = all.map((x, at) => {
    names.add(x.key);
    let item = known.get(x.key);
    if (!item) known.set(x.key, item = make(x));
    change(item, x, at);
    return item.li;
  });
  for (const [name, item] of known) if (!names.has(name)) { item.li.remove(); known.delete(name); }
  if ($('ask').open) return; // nothing moves away under a finger
  const focus = document.activeElement;
  let at = list.firstElementChild;
  for (const li of order) {
    if (li === at) at = at.nextElementSibling; else list.insertBefore(li, at);
  }
  if (focus !== document.activeElement && list.contains(focus)) focus.focus({preventScroll: true});
}

function find(input, text) {
  const want = input.value.trim().toLowerCase();
  return !want || text().toLowerCase().includes(want);
}

// What is out of sight is drawn with every fifth snapshot alone, for a search in the page and
// for screen readers.
const sight = new IntersectionObserver(all => {
  for (const {target, isIntersecting} of all) target.item.visible = isIntersecting;
  soon();
});
function watch(i) { i.li.item = i; sight.observe(i.li); return i; }
let turn = 0;
function due(i, at) { return i.visible || !i.drawn || (turn + at) % 5 === 0; }

// Circuits

function rank(c) { return RANK[c.state] < 3 ? RANK[c.state] : c.counts.failures || c.counts.slow ? 3 : 4; }

function drawCircuits() {
  const all = shot.circuits.map(c => ({key: c.name, c, rank: rank(c)}));
  all.sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1));
  keep($('circuits'), circuits, all, makeCircuit, changeCircuit);
  put($('h-circuits'), count(all.length, 'circuit'));
  $('s-circuits').hidden = !all.length;
}

function makeCircuit(x) {
  const i = {name: x.key, sig: '', body: null, readOnly: x.c.read_only};
  i.state = el('span', 'state');
  i.meters = el('span', 'meter');
  i.ribbon = svg('ribbon', 90, 4, 'c', 'h', 'o', 'i');
  i.details = el('details', '', el('summary', '', el('span', 'name', x.key || '(no name)'), i.state, i.meters, i.ribbon));
  i.details.addEventListener('toggle', () => { if (i.details.open && !i.body) { openCircuit(i); i.sig = ''; soon(); } });
  i.li = el('li', '', i.details);
  i.li.dataset.name = x.key;
  return watch(i);
}

// openCircuit makes the part that is folded at first.
function openCircuit(i) {
  i.why = el('p');
  i.past = el('p', 'note');
  i.list = el('dl');
  i.body = el('div', 'more', i.why, i.past, i.list);
  if (shot.control && !i.readOnly) {
    const button = (action, word) => {
      const b = el('button', '', word);
      b.type = 'button';
      b.setAttribute('aria-label', word + ' ' + i.name);
      b.addEventListener('click', () => ask(i.name, action));
      return b;
    };
    i.body.append(el('div', 'do', button('trip', 'Trip'), button('isolate', 'Isolate'), button('reset', 'Reset')));
  }
  i.details.append(i.body);
}

function changeCircuit(i, {c}, index) {
  i.c = c;
  i.li.hidden = !find($('f-circuits'), () => c.name + ' ' + c.state + ' ' + (c.cause || ''));
  if (i.drawn === c.state && !due(i, index)) return;
  i.drawn = c.state;
  const sig = JSON.stringify([c.state, c.since, c.reason, c.cause, c.counts, c.meters, c.ribbon, c.probes, shot.control]);
  if (sig === i.sig) return;
  i.sig = sig;
  mark(i.li, c.state);
  put(i.state, c.state + (c.shadow ? ' (shadow)' : ''));
  drawMeters(i, c);
  drawRibbon(i, c.ribbon);
  if (!i.body) return;
  const k = c.counts, facts = [['since', c.since ? clock(c.since) : 'the start']];
  if (c.state === 'half-open') facts.push(['probes in flight', c.probes || 0]);
  for (const f of ['successes', 'failures', 'slow', 'ignored', 'rejected']) if (k[f]) facts.push([f, group(k[f])]);
  i.list.replaceChildren(...facts.map(([t, v]) => el('div', '', el('dt', '', t), el('dd', '', String(v)))));
  put(i.why, sentence(c));
  put(i.past, history(c.ribbon));
}

function drawMeters(i, c) {
  i.meters.replaceChildren(...(c.meters || []).map(m => {
    const rate = m.of.endsWith('rate'), share = Math.min(1, rate ? m.value : m.value / m.limit);
    const bar = el('span', 'bar'), fill = el('i'), text = el('span');
    bar.setAttribute('aria-hidden', 'true');
    fill.style.width = share * 100 + '%';
    if (m.of !== 'probes') fill.className = m.value >= m.limit ? 'over' : m.value >= m.limit / 2 ? 'near' : '';
    bar.append(fill);
    if (rate) {
      const limit = el('u');
      limit.style.left = m.limit * 100 + '%';
      bar.append(limit);
      text.append(`${m.of} ${percent(m.value, m.limit)} of ${percent(m.limit)}` + (m.calls < m.need ? `, ${m.calls} of ${m.need} calls` : ''));
    } else {
      text.append(m.of === 'probes' ? `${short(m.value)} of ${count(m.limit, 'probe')}` :
        `${short(m.value)} of ${count(m.limit, 'failure')} in ` + (c.window || 'a row'));
    }
    return el('span', '', text, bar);
  }));
}

function cells(ribbon) {
  let at = 0;
  return [...(ribbon || '').matchAll(/([-ciho])(\d+)/g)].map(([, letter, n]) => {
    const cell = {letter, at, n: +n};
    at += +n;
    return cell;
  });
}
const HEIGHT = {c: 1, h: 2.4, o: 4, i: 3.2};
function drawRibbon(i, ribbon) {
  const d = {c: '', h: '', o: '', i: ''};
  for (const {letter, at, n} of cells(ribbon)) if (d[letter] !== undefined) d[letter] += `M${at} 4h${n}v-${HEIGHT[letter]}h-${n}z`;
  i.ribbon.paths.forEach(p => p.setAttribute('d', d[p.getAttribute('class')]));
}
function history(ribbon) {
  const sum = {};
  for (const {letter, n} of cells(ribbon)) sum[letter] = (sum[letter] || 0) + n * 10e3;
  const parts = [['o', 'open'], ['h', 'half-open'], ['i', 'isolated']].filter(([l]) => sum[l]).map(([l, word]) => word + ' ' + span(sum[l]));
  return 'The last 15 minutes: ' + (parts.join(', ') || 'closed all the time') + (sum['-'] ? ', as far as known' : '') + '.';
}

// sentence says what a circuit does and why, in words that do not change with the time.
function sentence(c) {
  const because = why(c.reason, c.counts, c.window), cause = c.cause ? ', the last: ' + c.cause : '';
  const refused = c.counts.rejected ? ' It has refused ' + count(c.counts.rejected, 'call') + '.' : '';
  const start = {
    open: c.shadow ? 'Would refuse all calls (shadow)' : 'Refuses all calls',
    isolated: 'Isolated by hand; refuses all calls until it is reset',
    'half-open': 'Lets a few probes through',
    closed: 'Lets all calls through',
  }[c.state];
  if (c.state === 'closed') return start + '.' + (c.cause ? ' Last failure: ' + c.cause : '');
  if (c.state === 'half-open') return start + ': ' + because + '.' + (c.cause ? ' It had opened on: ' + c.cause : '');
  return start + (because ? ': ' + because : '') + cause + (/[.!?]$/.test(cause) ? '' : '.') + refused;
}
function probe(c) {
  if (c.state !== 'open') return '';
  const left = (c.retry_after || 0) / 1e6 - (performance.now() - shotAt);
  return left > 0 ? 'Next probe in ' + span(Math.ceil(left / 1000) * 1000) + '.' : 'The next call is a probe.';
}

// Trouble, in words. What counts the time is drawn each second, the rest when it changes.

const troubles = new Map();
let failure = '';       // the error of the last reload
function drawTrouble() {
  const bad = shot.circuits.filter(c => c.state !== 'closed').sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  const failed = shot.registry && shot.registry.failed, all = [];
  if (failed) all.push({key: 'reload', name: 'Configuration', cls: 'failed', state: 'reload failed', text: failed, next: 'Revision ' + shot.registry.revision + ' stays in force.'});
  if (failed && failed !== failure) announce('The reload of the configuration failed');
  failure = failed;
  bad.slice(0, 20).forEach(c => all.push({key: 'c ' + c.name, name: c.name, cls: c.state, state: c.state, text: sentence(c), c}));
  const weak = [...pipelines.values()].filter(p => p.trouble);
  weak.slice(0, 20).forEach(p => all.push({key: 'p ' + p.name, name: p.name, cls: '', text: p.trouble}));
  const tight = [...limits.values()].filter(l => l.trouble);
  tight.slice(0, 20).forEach(l => all.push({key: 'l ' + l.key, name: l.name, cls: '', text: l.trouble}));
  const more = bad.length + weak.length + tight.length + (failed ? 1 : 0) - all.length;
  if (more > 0) all.push({key: 'more', name: '', cls: '', text: 'And ' + group(more) + ' more below.'});
  keep($('trouble'), troubles, all, x => {
    const i = {name: el('b'), text: el('span', 'said'), next: el('span', 'next')};
    i.li = el('li', '', i.name, ' ', el('span', 'state'), ' ', i.text, ' ', i.next);
    i.state = i.li.children[1];
    return i;
  }, (i, x) => {
    i.c = x.c;
    mark(i.li, x.cls);
    put(i.name, x.name);
    put(i.state, x.state || '');
    i.state.hidden = !x.state;
    put(i.text, x.text);
    if (!x.c) put(i.next, x.next || '');
  });
  tick();
  const trying = bad.filter(c => c.state === 'half-open').length, would = bad.filter(c => c.state === 'open' && c.shadow).length;
  const shut = bad.length - trying - would, parts = [];
  if (failed) parts.push('the last reload failed');
  if (shut) parts.push(count(shut, 'circuit refuses', 'circuits refuse') + ' calls');
  if (trying) parts.push(trying + (trying === 1 ? ' is' : ' are') + ' being tried');
  if (would) parts.push(would + ' would refuse calls (shadow)');
  if (weak.length) parts.push(count(weak.length, 'pipeline') + ' in trouble');
  if (tight.length) parts.push(count(tight.length, 'limit') + ' reached');
  const words = parts.join(', ') || 'All is well';
  put($('verdict'), words[0].toUpperCase() + words.slice(1));
  mark($('verdict'), parts.length ? 'bad' : 'good');
  document.title = (all.length ? '(' + (bad.length + weak.length + tight.length + (failed ? 1 : 0)) + ') ' : '') + shot.title + (shot.instance ? ' · ' + shot.instance : '');
}
function tick() {
  for (const {c, next} of troubles.values()) {
    if (c) put(next, (c.since ? 'For ' + span(now() - new Date(c.since)) + '. ' : '') + probe(c));
  }
}
setInterval(() => { if (shot && !paused && !document.hidden) tick(); }, 1000);

// Transitions are announced, at most every two seconds.

let said = [];
function tell(e) { announce(e.name + ' is ' + e.to + (e.err ? ': ' + e.err : '')); }
function announce(text) {
  said.push(text);
  if (said.length === 1) setTimeout(() => {
    const words = said.slice(0, 3);
    if (said.length > 3) words.push('and ' + count(said.length - 3, 'other transition'));
    put($('say'), words.join('. '));
    said = [];
  }, 2000);
}

// Events

function eventText(e) {
  if (e.kind === 'dropped') return count(e.count, 'event') + ' came too fast and ' + (e.count === 1 ? 'is' : 'are') + ' not shown';
  const by = e.actor ? ', by ' + e.actor : '';
  if (e.kind === 'state_changed') return `${e.name}: ${e.from} → ${e.to}, ${why(e.reason)}${e.err ? ' (' + e.err + ')' : ''}${by}`;
  if (e.kind === 'reloaded') return 'Configuration reloaded: ' + e.reason;
  if (e.kind === 'reconfigured') return e.name + ': its config changed';
  return `${e.name}: ${e.reason || e.kind}${by}`;
}
function drawEvents() {
  listing = 0;
  if (paused) return;
  const list = $('events'), rows = fresh.slice(-KEEP).map(e => {
    const li = el('li', e.to || '', el('time', '', clock(e.at || now())), eventText(e));
    li.hidden = !find($('f-events'), () => li.textContent);
    return li;
  });
  fresh = [];
  list.prepend(...rows.reverse());
  while (list.childElementCount > KEEP) list.lastElementChild.remove();
  $('none').hidden = list.childElementCount > 0;
}

// Pipelines. Rates are the difference of two snapshots, WINDOW apart.

function drawPipelines() {
  const all = (shot.pipelines || []).map(p => ({key: p.name, p}));
  for (const x of all) {
    const item = pipelines.get(x.key);
    x.rank = item && item.trouble ? 0 : 1;
  }
  all.sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1));
  keep($('pipelines'), pipelines, all, makePipeline, changePipeline);
  $('s-pipelines').hidden = !all.length;
  put($('h-pipelines'), count(all.length, 'pipeline'));
  put($('dropped'), shot.dropped ? count(shot.dropped, 'measurement') + ' went to the overflow series and belong to no pipeline here.' : '');
}

function makePipeline({p}) {
  const i = {name: p.name, past: [], facts: new Map(), trouble: ''};
  i.comp = el('code');
  i.kind = el('span', 'note');
  i.spark = svg('spark', SAMPLES - 1, 20, '');
  i.list = el('dl');
  i.refused = el('p', 'note');
  i.li = el('li', '', el('p', '', el('span', 'name', p.name || '(no name)'), ' ', i.kind), i.comp, i.spark, i.list, i.refused);
  i.li.dataset.name = p.name;
  return watch(i);
}

function changePipeline(i, {p}, index) {
  const at = now(), past = i.past, newest = past[past.length - 1];
  if (!newest || at - newest.at > 500) {
    past.push({at, ...p, rate: newest ? (p.calls - newest.calls) / (at - newest.at) * 1000 : 0});
    if (past.length > SAMPLES) past.shift();
  }
  const old = past.findLast(x => at - x.at >= WINDOW) || past[0], dt = (at - old.at) / 1000;
  const grown = k => Math.max(0, (p[k] || 0) - (old[k] || 0)), rate = k => dt > 0 ? short(grown(k) / dt) + ' /s' : '–';
  const calls = grown('calls'), good = calls ? grown('succeeded') / calls : 1, amp = calls ? grown('attempts') / calls : 0;
  const decided = calls - grown('canceled');
  i.trouble = decided < 10 ? '' :
    good < 0.9 ? percent(good, 0.9) + ' of ' + count(calls, 'call') + ' succeed.' :
    amp >= 1.5 ? 'Retries multiply its load by ' + short(amp) + '.' : '';
  mark(i.li, i.trouble ? 'trouble' : '');
  i.li.hidden = !find($('f-pipelines'), () => p.name + ' ' + (p.composition || ''));
  if (i.li.hidden || !due(i, index)) return;
  i.drawn = true;
  put(i.comp, p.composition || '');
  i.comp.hidden = !p.composition;
  put(i.kind, (p.family ? 'for each key, ' + count(p.members || 0, 'key') + ' now' : '') + (p.uncounted ? (p.family ? ', ' : '') + 'not counted' : ''));
  i.spark.hidden = i.list.hidden = !!p.uncounted;
  if (p.uncounted) return;
  fact(i, 'calls', rate('calls'));
  fact(i, 'succeed', calls ? percent(good, 0.9) : '–', calls && good < 0.9);
  fact(i, 'amplification', calls ? '×' + (amp < 1.995 ? amp.toFixed(2) : short(amp)) : '–', amp >= 1.5);
  fact(i, 'p50', secs(p.p50));
  fact(i, 'p95', secs(p.p95));
  fact(i, 'p99', secs(p.p99));
  fact(i, 'retries', rate('retries'));
  fact(i, 'rescued', rate('rescued'));
  fact(i, 'in flight', group(p.active || 0));
  put(i.refused, (p.refused || []).length ? 'Refused so far: ' + p.refused.slice(0, 4).map(r => group(r.calls) + ' by ' + r.policy + ' (' + r.reason.replaceAll('_', ' ') + ')').join(', ') + '.' : '');
  drawSpark(i);
}
function fact(i, name, value, high) {
  let dd = i.facts.get(name);
  if (!dd) {
    dd = el('dd');
    i.list.append(el('div', '', el('dt', '', name), dd));
    i.facts.set(name, dd);
  }
  put(dd, value);
  mark(dd, high ? 'high' : '');
}
function drawSpark(i) {
  const top = Math.max(1, ...i.past.map(x => x.rate)), n = i.past.length;
  i.spark.paths[0].setAttribute('d', i.past.map((x, k) => k ? (k > 1 ? 'L' : 'M') + (SAMPLES - n + k) + ' ' + (19 - 18 * x.rate / top).toFixed(1) : '').join('')); // the first has no rate
}

// Limits and budgets

function drawLimits() {
  const all = (shot.limits || []).map(l => ({key: l.type + ' ' + l.name, l}));
  keep($('limits'), limits, all, ({key, l}) => {
    const i = {key, name: l.name, facts: new Map(), list: el('dl'), bar: el('span', 'bar'), fill: el('i')};
    i.bar.setAttribute('aria-hidden', 'true');
    i.bar.append(i.fill);
    i.li = el('li', '', el('p', '', el('span', 'name', l.name), ' ', el('span', 'note', l.type || '')), i.bar, i.list);
    return i;
  }, (i, {l}) => {
    const share = l.left !== undefined ? l.left : l.sheds !== undefined ? l.sheds : l.limit ? Math.min(1, l.used / l.limit) : 0;
    i.trouble = l.left !== undefined ? (l.left < 0.05 ? 'Its retries are spent.' : '') :
      l.sheds !== undefined ? (l.sheds > 0 ? 'It rejects ' + percent(l.sheds) + ' of the calls.' : '') :
      l.queue > 0 && l.used >= l.limit ? 'Full: ' + count(l.queue, 'call waits', 'calls wait') + '.' : '';
    mark(i.li, i.trouble ? 'trouble' : '');
    i.fill.style.width = share * 100 + '%';
    mark(i.fill, i.trouble ? 'over' : '');
    if (l.left !== undefined) { fact(i, 'left', percent(l.left, 0.05), !!i.trouble); return; }
    if (l.sheds !== undefined) { fact(i, 'rejects', percent(l.sheds), !!i.trouble); return; }
    fact(i, 'in use', short(l.used) + ' of ' + short(l.limit || 0));
    fact(i, 'waiting', group(l.queue || 0), !!i.trouble);
    fact(i, 'wait, p95', secs(l.wait));
  });
  $('s-limits').hidden = !all.length;
}

// Configuration: each value, and where it comes from.

let configured = false; // values are new
function drawConfig() {
  const r = shot.registry;
  for (const id of ['s-config', 'revision']) $(id).hidden = !r;
  $('failed').hidden = !(r && r.failed);
  if (!r) return;
  put($('revision'), 'config revision ' + r.revision + (r.at ? ', ' + clock(r.at) : ''));
  put($('h-config'), count(values.length, 'value') + ' of the configuration');
  const c = r.changes || {}, part = (verb, names) => names ? verb + ' ' + names.slice(0, 5).join(', ') + (names.length > 5 ? ' and ' + count(names.length - 5, 'other') : '') : '';
  put($('changes'), 'Revision ' + r.revision + [part('added', c.added), part('changed', c.changed), part('removed', c.removed), part('began anew:', c.restarted)].filter(x => x).map((x, k) => (k ? '; ' : ' ') + x).join('') + '.');
  $('l-config').hidden = values.length < 12 && !$('f-config').value;
  if (configured) {
    const first = !config.size;
    keep($('config'), config, values.map(v => ({key: v.path, v})), x => {
      const i = {is: el('span', 'is'), origin: el('span', 'note'), anew: !first};
      i.li = el('li', '', el('code', 'path', x.key), i.is, i.origin);
      return i;
    }, (i, {v}) => {
      const changed = i.anew || i.value !== undefined && i.value !== v.value;
      i.anew = false;
      i.value = v.value;
      mark(i.li, (v.origin === 'default' ? 'default' : '') + (changed ? ' changed' : ''));
      put(i.is, v.value);
      put(i.origin, v.origin);
    });
    configured = $('ask').open; // then keep moves nothing
  }
  for (const {li} of config.values()) li.hidden = !find($('f-config'), () => [...li.children].map(x => x.textContent).join(' '));
}

// Controls

let asked = null;
const WORDS = {
  trip: ['Trip', 'The circuit opens, refuses all calls for a while, and then sends probes.'],
  isolate: ['Isolate', 'The circuit refuses all calls until someone resets it.'],
  reset: ['Reset', 'The circuit closes and lets all calls through. Its counts begin anew.'],
};
function ask(name, action) {
  asked = {name, action, sure: action !== 'isolate'};
  put($('a-title'), WORDS[action][0] + ' ' + name + '?');
  put($('a-text'), WORDS[action][1]);
  put($('a-ok'), WORDS[action][0] + (action === 'isolate' ? ' …' : ''));
  put($('a-error'), '');
  $('a-for-l').hidden = action !== 'trip';
  $('a-reason').value = '';
  $('ask').showModal();
  $('a-reason').focus();
}
async function act() {
  if (!asked.sure) { // an isolated circuit does not recover by itself, so it is asked twice
    asked.sure = true;
    put($('a-text'), 'Sure? ' + asked.name + ' will refuse every call, and will not recover by itself.');
    put($('a-ok'), 'Isolate ' + asked.name);
    return;
  }
  const body = {circuit: asked.name, action: asked.action, reason: $('a-reason').value.trim()};
  if (asked.action === 'trip') body.for = $('a-for').value;
  try {
    const r = await fetch('control', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
    if (!r.ok) throw new Error((await r.text()).trim());
    $('ask').close();
    await refresh();
  } catch (err) { put($('a-error'), err.message); }
}

$('a-ok').addEventListener('click', e => { if (e.detail < 2) act(); }); // a double click is not sure
$('a-cancel').addEventListener('click', () => $('ask').close());
$('a-reason').addEventListener('keydown', e => {
  if (e.key !== 'Enter') return;
  e.preventDefault(); // the rest of this key would press the button that has the focus once the dialog is closed
  if (!e.repeat) act(); // a key that is held down is not sure
});
$('pause').addEventListener('click', () => {
  paused = !paused;
  put($('pause'), paused ? 'Resume' : 'Pause');
  if (paused) { disconnect(); status('paused', 'paused' + (shot ? ' at ' + clock(seen) : '')); } else connect();
});
for (const what of ['circuits', 'pipelines', 'config', 'events']) {
  $('f-' + what).addEventListener('input', what === 'events' ?
    () => { for (const li of $('events').children) li.hidden = !find($('f-events'), () => li.textContent); } : soon);
}
document.addEventListener('visibilitychange', connect); // a browser has few connections to one host
connect();
