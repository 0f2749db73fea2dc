// What is in the store, read through the native views: nothing else is asked, and
// what is read is written as text, never as HTML.
'use strict';

// In the order of their stack, from the bottom: what is settled, what is under way, what is at fault.
const STATUSES = ['billed', 'archived', 'rated', 'rerated', 'guided', 'recycled', 'received', 'generated', 'rejected'];
const LIFE = ['received', 'guided', 'rated', 'rerated', 'billed', 'rejected', 'recycled', 'generated', 'archived'];
const DAY = 24 * 60 * 60 * 1000;
const SVG = 'http://www.w3.org/2000/svg';

const whole = new Intl.NumberFormat('en');
const brief = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

// An element with attributes, and in it texts and other elements.
function make(name, attributes = {}, ...content)
{
	const element = name.startsWith('svg:') ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);

	for (const [attribute, value] of Object.entries(attributes))
		element.setAttribute(attribute, value);
	element.append(...content.filter((part) => part !== null && part !== undefined));
	return element;
}

function show(id, ...content)
{
	const place = document.getElementById(id);

	place.replaceChildren(...content);
	place.removeAttribute('aria-busy');
}

const notice = (strong, text) => make('p', { class: 'notice' }, make('strong', {}, strong), ' ', text);

// ---- reading ----

class Refused extends Error {
	constructor(status, text) { super(text); this.status = status; }
}

async function read(view)
{
	const token = document.getElementById('token').value.trim();
	const headers = { Accept: 'application/json' };
	let answer;

	if (token !== '')
		headers.Authorization = 'Bearer ' + token;
	try {
		answer = await fetch('native/' + view, { headers, credentials: 'same-origin', cache: 'no-store' });
	} catch (error) {
		throw new Refused(0, String(error.message));
	}
	if (!answer.ok) {
		const said = await answer.json().catch(() => ({}));

		throw new Refused(answer.status, String(said.message ?? ''));
	}
	return { rows: await answer.json(), at: Date.parse(answer.headers.get('Date')) || Date.now() };
}

// Why there is nothing to be seen.
function refusal(error, what, level)
{
	if (error.status === 401)
		return notice(`No right to see ${what}.`, `That takes a token of a role that may: of the level ${level}.`);
	if (error.status === 403)
		return notice(`No right to see ${what}.`, `The role of this token lacks it: of the level ${level} it would.`);
	if (error.status === 404)
		return notice(`There is no view of ${what}.`, 'SELECT usage_mgmt.install_tables() makes it.');
	if (error.status === 0)
		return notice('The store cannot be reached.', error.message);
	if (error.status === undefined)
		return notice(`What came of ${what} could not be shown.`, error.message);
	return notice(`The store did not answer (${error.status}).`, error.message);
}

// ---- the chart ----

// The next round number for a scale, and its steps.
function scale(most)
{
	const power = 10 ** Math.floor(Math.log10(Math.max(most, 5) / 5));
	const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n * 5 >= most);
	const ticks = [];

	for (let n = 0; n === 0 || ticks[ticks.length - 1] < most; n++)
		ticks.push(n * step);
	return ticks;
}

// The last 31 days by the server's clock, each with its counts by status, those without any included.
function days(rows, at)
{
	const today = at - at % DAY;
	const found = new Map();

	for (let ago = 30; ago >= 0; ago--)
		found.set(new Date(today - ago * DAY).toISOString().slice(0, 10), new Map());
	for (const { day, status, n } of rows) {
		// the database's clock may be another one still
		if (!found.has(day))
			found.set(day, new Map());
		found.get(day).set(String(status), Number(n));
	}
	return [...found].sort().slice(-31).map(([day, counts]) => ({ day, counts, total: [...counts.values()].reduce((a, b) => a + b, 0) }));
}

const place = (order, status) => (order.indexOf(status) + order.length + 1) % (order.length + 1);
const inOrder = (order, statuses) => [...statuses].sort((a, b) => place(order, a) - place(order, b) || (a < b ? -1 : 1));
const fill = (status) => STATUSES.includes(status) ? status : 'other';
const named = (day) => new Date(day + 'T00:00:00Z').toLocaleDateString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short' });

// A column's part, with round corners where nothing is on it.
function part(status, x, y, width, height, top)
{
	const r = top ? Math.min(3, height, width / 2) : 0;

	return make('svg:path', { class: fill(status), 'data-status': status,
		d: `M${x},${y + height}V${y + r}q0,${-r} ${r},${-r}H${x + width - r}q${r},0 ${r},${r}V${y + height}Z` });
}

function chart(list, noun, width)
{
	const height = width < 600 ? 220 : 300, left = 44, right = 4, top = 10, bottom = 26;
	const ticks = scale(Math.max(...list.map((d) => d.total)));
	const y = (n) => top + (height - top - bottom) * (1 - n / ticks[ticks.length - 1]);
	const slot = (width - left - right) / list.length;
	const column = Math.min(24, slot * 0.72);
	const labels = slot * 5 < 60 ? 10 : 5;
	const svg = make('svg:svg', { width, height, role: 'group', 'aria-label': `${noun} of each day, by status` });
	const tip = make('div', { class: 'tip', hidden: '' });
	const plot = make('div', { class: 'plot' }, svg, tip);

	for (const n of ticks)
		svg.append(make('svg:line', { class: n === 0 ? 'base' : 'grid', x1: left, x2: width - right, y1: y(n), y2: y(n) }),
			make('svg:text', { class: 'tick', x: left - 8, y: y(n) + 4, 'text-anchor': 'end' }, brief.format(n)));
	list.forEach((d, i) => {
		const x = left + slot * i;
		const statuses = inOrder(STATUSES, d.counts.keys()).filter((status) => d.counts.get(status) > 0);
		const said = statuses.map((status) => `${status} ${whole.format(d.counts.get(status))}`).join(', ');
		const group = make('svg:g', { class: 'day', tabindex: i === list.length - 1 ? '0' : '-1', role: 'img', 'data-day': d.day,
			'aria-label': `${named(d.day)}: ${whole.format(d.total)}${said === '' ? '' : ': ' + said}` },
			make('svg:rect', { class: 'band', x, y: top, width: slot, height: height - top - bottom }));
		let sum = 0;

		statuses.forEach((status, s) => {
			const from = y(sum), to = y(sum += d.counts.get(status));
			// a gap of the surface between two of them, as far as there is room
			const gap = s > 0 ? Math.min(1.5, (from - to) / 2) : 0;

			group.append(part(status, x + (slot - column) / 2, to, column, Math.max(from - to - gap, 0.5), s === statuses.length - 1));
		});
		group.addEventListener('pointerenter', () => point(plot, tip, d, x + slot / 2));
		group.addEventListener('focus', () => point(plot, tip, d, x + slot / 2));
		group.addEventListener('keydown', (event) => walk(event, group));
		group.addEventListener('pointerleave', () => { tip.hidden = true; });
		group.addEventListener('blur', () => { tip.hidden = true; });
		svg.append(group);
		if ((list.length - 1 - i) % labels === 0)
			svg.append(make('svg:text', { class: 'tick', x: x + slot / 2, y: height - 6, 'text-anchor': i === list.length - 1 ? 'end' : 'middle' }, named(d.day)));
	});
	return plot;
}

// The arrow keys go from day to day: the chart is one stop of the Tab key.
function walk(event, group)
{
	const days = [...group.parentNode.querySelectorAll('.day')];
	const at = days.indexOf(group);
	const to = days[{ ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: days.length - 1 }[event.key]];

	if (to === undefined)
		return;
	event.preventDefault();
	group.setAttribute('tabindex', '-1');
	to.setAttribute('tabindex', '0');
	to.focus();
}

// The values of a day beside its column.
function point(plot, tip, d, at)
{
	const rows = inOrder(STATUSES, d.counts.keys()).reverse().map((status) =>
		make('tr', {}, make('th', { scope: 'row' }, swatch(status), ' ' + status), make('td', { class: 'n' }, whole.format(d.counts.get(status)))));

	tip.replaceChildren(make('table', {}, make('caption', {}, named(d.day)), make('tbody', {}, ...rows),
		make('tfoot', {}, make('tr', {}, make('th', { scope: 'row' }, 'all'), make('td', { class: 'n' }, whole.format(d.total))))));
	tip.hidden = false;
	tip.style.left = Math.max(0, at + 16 + tip.offsetWidth > plot.clientWidth ? at - 16 - tip.offsetWidth : at + 16) + 'px';
}

const swatch = (status) => make('svg:svg', { width: 10, height: 10, 'aria-hidden': 'true' },
	make('svg:rect', { class: fill(status), width: 10, height: 10, rx: 2 }));

function legend(totals)
{
	return make('ul', { class: 'legend' }, ...inOrder(LIFE, totals.keys()).map((status) =>
		make('li', { 'data-status': status }, swatch(status), `${status} ${whole.format(totals.get(status))}`)));
}

function table(head, rows, attributes = {})
{
	return make('div', { class: 'wide' }, make('table', attributes,
		make('thead', {}, make('tr', {}, ...head.map(([text, kind]) => make('th', { scope: 'col', class: kind ?? '' }, text)))),
		make('tbody', {}, ...rows)));
}

function countTable(list, statuses)
{
	return make('details', {}, make('summary', {}, 'As a table'),
		table([['Day'], ...statuses.map((status) => [status, 'n']), ['all', 'n']],
			[...list].reverse().map((d) => make('tr', {}, make('th', { scope: 'row', class: 'when' }, d.day),
				...statuses.map((status) => make('td', { class: 'n' }, whole.format(d.counts.get(status) ?? 0))),
				make('td', { class: 'n' }, whole.format(d.total)))), { id: 'count-table' }));
}

const tile = (name, value) => make('div', {}, make('dt', {}, name), make('dd', {}, value));

let drawn = null;		// the chart, and how it is made anew when there is another width

function redraw()
{
	const width = Math.floor(document.getElementById('counts').clientWidth);

	if (drawn === null || width === 0 || width === drawn.width)
		return;
	const plot = chart(drawn.list, drawn.noun, width);

	drawn.plot.replaceWith(plot);
	Object.assign(drawn, { plot, width });
}

function showCounts({ rows, at }, noun)
{
	const list = days(rows, at);
	const totals = new Map();

	for (const { counts } of list)
		for (const [status, n] of counts)
			totals.set(status, (totals.get(status) ?? 0) + n);
	const all = [...totals.values()].reduce((a, b) => a + b, 0);

	drawn = null;
	if (all === 0) {
		show('counts', notice('There are none.', `No ${noun} of these days that you may see.`));
		return;
	}
	show('counts', make('dl', { class: 'tiles' }, tile('All', whole.format(all)), tile('Today', whole.format(list[list.length - 1].total)),
		tile('Rejected', whole.format(totals.get('rejected') ?? 0))),
		legend(totals), make('div', { id: 'plot' }), countTable(list, inOrder(LIFE, totals.keys())));
	drawn = { plot: document.getElementById('plot'), list, noun, width: 0 };
	redraw();
}

// ---- loads and listeners ----

const time = (text) => text === null || text === undefined ? '' : new Date(text).toISOString().slice(0, 19).replace('T', ' ');
const cell = (text, kind) => make('td', { class: kind ?? '' }, text ?? '');
const count = (n, wrong) => cell(whole.format(n ?? 0), 'n' + (wrong && n > 0 ? ' bad' : ''));

function duration(seconds)
{
	if (seconds === null || seconds === undefined || !Number.isFinite(seconds))
		return '';
	for (const [unit, size] of [['d', 86400], ['h', 3600], ['min', 60]])
		if (seconds >= size)
			return `${(seconds / size).toFixed(seconds / size < 10 ? 1 : 0)} ${unit}`;
	return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

// What is wrong with a record, as text.
function faults(reject)
{
	const errors = Array.isArray(reject.errors) ? reject.errors : [];

	return errors.slice(0, 3).map((error) => `${error.path ?? ''} ${error.message ?? ''} (${error.code ?? ''})`).join('; ')
		+ (errors.length > 3 ? ` and ${errors.length - 3} more` : '') + (reject.recycledAt ? ', recycled' : '');
}

// The reasons of rejects, each with its records.
function reasons(rejects)
{
	const records = new Map();

	for (const reject of rejects)
		records.set(faults(reject), [...records.get(faults(reject)) ?? [], reject.recordNumber]);
	return [...records].map(([reason, numbers]) => make('li', {}, make('code', {}, reason),
		` record${numbers.length > 1 ? 's' : ''} ${numbers.sort((a, b) => a - b).slice(0, 5).join(', ')}${numbers.length > 5 ? ` and ${numbers.length - 5} more` : ''}`));
}

// A load, and below it those of its rejects that are among the last ones.
function loadRows(load, rejects)
{
	const own = rejects.filter((reject) => reject.loadId === load.id);
	const finished = load.finishedAt === null ? make('span', { class: 'warn' }, 'not finished')
		: duration((new Date(load.finishedAt) - new Date(load.startedAt)) / 1000);
	const rows = [make('tr', { 'data-load': load.id, class: own.length > 0 ? 'has-sub' : '' }, make('th', { scope: 'row', class: 'n' }, String(load.id)), cell(load.source, 'long'),
		cell(time(load.startedAt), 'when'), cell(finished, 'when'), count(load.read), count(load.stored), count(load.repeated),
		count(load.conflicting, true), count(load.rejected, true), cell(load.loadedBy))];

	if (own.length > 0) {
		const all = reasons(own);
		const rest = load.rejected - own.length;

		rows.push(make('tr', {}, cell(''), make('td', { colspan: 9, class: 'sub' }, make('ul', { class: 'faults' }, ...all.slice(0, 5),
			all.length > 5 ? make('li', {}, `and ${all.length - 5} other reasons`) : null,
			rest > 0 ? make('li', {}, `and ${whole.format(rest)} earlier records`) : null))));
	}
	return rows;
}

function showLoads(loads, rejects)
{
	if (loads.length === 0) {
		show('loads', notice('There are none.', 'A COPY into a document view, or usagectl import, is a load.'));
		return;
	}
	show('loads', table([['Load', 'n'], ['Source'], ['Started'], ['Took'], ['Read', 'n'], ['Stored', 'n'], ['Repeated', 'n'], ['Conflicting', 'n'],
		['Rejected', 'n'], ['By']], loads.flatMap((load) => loadRows(load, rejects)), { id: 'load-table' }),
		rejects === none ? make('p', { class: 'notice' }, 'Why records were rejected is for the level operator to see.') : '');
}

const GOOD = { active: '● active', starting: '○ starting' };
const BAD = { paused: '‖ paused', quarantined: '▲ quarantined', gone: '✕ gone' };

function state(listener)
{
	const good = GOOD[listener.state];

	return make('td', {}, make('span', { class: good ? 'good' : 'bad' }, good ?? BAD[listener.state] ?? String(listener.state)),
		listener.reason ? make('div', {}, listener.reason) : null);
}

function showListeners(listeners)
{
	if (listeners.length === 0) {
		show('listeners', notice('There are none that you may see.', 'Each sees his own, an operator all.'));
		return;
	}
	show('listeners', table([['Listener', 'n'], ['Of'], ['Callback'], ['State'], ['Behind', 'n'], ['For', 'n'], ['Parked', 'n'], ['Delivered', 'n'], ['Failed', 'n'], ['Last success']],
		listeners.map((l) => make('tr', { 'data-listener': l.listener }, make('th', { scope: 'row', class: 'n' }, String(l.listener)), cell(l.resource),
			cell(l.callback ?? 'reads by itself', 'long'), state(l), cell(l.lagEvents === null ? 'not known' : whole.format(l.lagEvents), 'n'),
			cell(l.lagEvents > 0 ? duration(l.lagSeconds) : '', 'n'), count(l.parked, true), count(l.delivered), count(l.failed, true), cell(time(l.lastSuccessAt), 'when'))),
		{ id: 'listener-table' }));
}

// ---- the page ----

const none = [];
let asked = 0;

// Each part by itself, so that one that is refused keeps none of the others.
async function fetchAll()
{
	const turn = ++asked;
	const noun = document.querySelector('input[name=resource]:checked').value;
	const current = (then) => (...all) => { if (turn === asked) then(...all); };
	const attempt = (id, what, level, promise, then) => {
		document.getElementById(id).setAttribute('aria-busy', 'true');
		return promise.then(current(then)).catch(current((error) => show(id, refusal(error, what, level))));
	};

	await Promise.all([
		attempt('counts', 'the counts', 'reader', read(noun + '_count'), (read) => showCounts(read, noun.replace('_', ' ') + 's')),
		attempt('loads', 'the loads', 'operator',
			Promise.all([read('load?order=id.desc&limit=20'), read('reject?order=id.desc&limit=100').catch(() => ({ rows: none }))]),
			([loads, rejects]) => showLoads(loads.rows, rejects.rows)),
		attempt('listeners', 'the listeners', 'reader', read('listener'), ({ rows }) => showListeners(rows)),
	]);
	current(() => {
		document.getElementById('as-of').textContent = `As of ${time(Date.now())}.`;
		document.body.dataset.ready = String(turn);
	})();
}

document.getElementById('reader').addEventListener('submit', (event) => {
	event.preventDefault();
	fetchAll();
});
document.getElementById('resources').addEventListener('change', fetchAll);
new ResizeObserver(redraw).observe(document.getElementById('counts'));
fetchAll();
