// node browse.js MODULES CHROMIUM < PLAN: what a person sees of our pages.
//
// MODULES is a folder with node_modules, PLAN is JSON: {url, profile, shots, tokens: {name: token}, id}.
// Prints JSON: what the page shows to each, what became of two requests through Swagger UI, and
// whatever a browser complains of. Screenshots go to the folder shots.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { pathToFileURL } = require('url');
const { createRequire } = require('module');

const { chromium } = createRequire(pathToFileURL(join(process.argv[2], 'package.json')))('playwright-core');
const plan = JSON.parse(readFileSync(0, 'utf8'));
const seen = { complaints: [], elsewhere: [] };

// What the page shows when it is ready for the nth time.
async function shown(page, turn)
{
	await page.waitForFunction((n) => document.body.dataset.ready === n, String(turn));
	return page.evaluate(() => {
		const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
		const table = (id) => [...document.querySelectorAll(`#${id} tr`)].map((row) => [...row.cells].map((c) => c.textContent));

		return {
			tiles: texts('.tiles dd'), legend: texts('.legend li'), counts: table('count-table'),
			days: Object.fromEntries([...document.querySelectorAll('.day')].map((d) => [d.dataset.day, d.getAttribute('aria-label')])),
			heights: Object.fromEntries([...document.querySelectorAll('.day')].map((d) => [d.dataset.day,
				[...d.querySelectorAll('[data-status]')].map((p) => [p.dataset.status, p.getBBox().height])])),
			loads: table('load-table'), listeners: table('listener-table'),
			notices: Object.fromEntries(['counts', 'loads', 'listeners'].map((id) => [id, texts(`#${id} .notice`)])),
		};
	});
}

async function ourPage(page)
{
	const as = async (token, turn) => {
		await page.fill('#token', token);
		await page.click('#reader button');
		return shown(page, turn);
	};

	await page.goto(plan.url);
	seen.anonymous = await shown(page, 1);
	seen.operator = await as(plan.tokens.operator, 2);
	await page.hover('.day:last-of-type');
	seen.tip = await page.textContent('.tip');
	await page.locator('.day').nth(18).hover();
	await page.screenshot({ path: join(plan.shots, 'page.png'), fullPage: true });
	await page.focus('.day[tabindex="0"]');
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowLeft');
	seen.focused = await page.evaluate(() => [document.activeElement.dataset.day, document.querySelectorAll('.day[tabindex="0"]').length]);
	seen.tipOfFocus = await page.textContent('.tip caption');
	await page.check('input[value=service_usage]');
	seen.services = await shown(page, 3);
	await page.check('input[value=usage]');
	await shown(page, 4);
	seen.nobody = await as(plan.tokens.nobody, 5);
	seen.forged = await as('forged', 6);
	await page.setViewportSize({ width: 360, height: 800 });
	await page.waitForTimeout(200);
	seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	await page.setViewportSize({ width: 1100, height: 900 });
}

// The same with every text that the views give made a piece of HTML.
async function hostile(page)
{
	const html = '<img src="x" onerror="window.hacked = 1"><script>window.hacked = 1</script>';
	const turned = (value) => typeof value === 'string' ? (/^\d{4}-\d\d-\d\d/.test(value) ? value : html + value)
		: Array.isArray(value) ? value.map(turned)
		: value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, turned(inner)])) : value;

	await page.route('**/native/*', async (route) => {
		const answer = await route.fetch();

		await route.fulfill({ response: answer, json: turned(await answer.json()) });
	});
	await page.goto(plan.url);
	await shown(page, 1);
	await page.fill('#token', plan.tokens.operator);
	await page.click('#reader button');
	const texts = await shown(page, 2);

	await page.hover('.day:last-of-type');
	await page.waitForTimeout(100);
	seen.hostile = [texts.legend[0], texts.loads[1][1], texts.listeners[1][2]].map((text) => text.includes('<img'));
	seen.hacked = await page.evaluate(() => [typeof window.hacked, document.querySelectorAll('main img, main script').length]);
	await page.unroute('**/native/*');
}

// An operation of Swagger UI, tried out with what fill() puts in; the answer's status and body.
async function tried(page, method, path, fill)
{
	const block = page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) }).first();

	await block.locator('.opblock-summary-control').click();
	await block.locator('.try-out__btn').click();
	await fill(block);
	await block.locator('.execute').click();
	await block.locator('.live-responses-table .response').first().waitFor();
	return {
		status: (await block.locator('.live-responses-table .response .response-col_status').first().textContent()).trim(),
		body: await block.locator('.live-responses-table .response .highlight-code code, .live-responses-table .response .microlight').first().textContent(),
	};
}

async function swagger(page)
{
	await page.route('**/docs/swagger-ui*', (route) => route.fulfill({ status: 404 }));
	await page.goto(plan.url + 'docs.html');
	seen.uninstalled = await page.textContent('.notice');
	await page.unroute('**/docs/swagger-ui*');
	await page.goto(plan.url + 'docs/');
	seen.redirected = page.url();
	await page.waitForSelector('.opblock');
	seen.faces = [];
	for (const face of await page.locator('#face option').evaluateAll((options) => options.map((o) => o.value))) {
		await page.selectOption('#face', face);
		await page.locator('.info .url, .info .link', { hasText: face + '/openapi.json' }).first().waitFor();
		await page.waitForSelector('.opblock');
		seen.faces.push([await page.textContent('.info .title'), await page.locator('.opblock').count()]);
	}
	await page.selectOption('#face', 'tmf-api/usageManagement/v4');
	await page.locator('.info .url, .info .link', { hasText: 'usageManagement/v4/openapi.json' }).first().waitFor();
	await page.waitForSelector('[data-path="/usage"]');
	await page.screenshot({ path: join(plan.shots, 'swagger.png') });
	seen.without = await tried(page, 'post', '/usage', (block) => block.locator('textarea').first().fill(plan.body));
	await page.reload();
	await page.selectOption('#face', 'tmf-api/usageManagement/v4');
	await page.waitForSelector('[data-path="/usage"]');
	await page.click('.auth-wrapper .authorize');
	await page.fill('.auth-container input', plan.tokens.writer);
	await page.click('.auth-btn-wrapper .authorize');
	await page.click('.auth-btn-wrapper .btn-done');
	seen.post = await tried(page, 'post', '/usage', (block) => block.locator('textarea').first().fill(plan.body));
	seen.get = await tried(page, 'get', '/usage/{id}', (block) => block.locator('tr[data-param-name=id] input').fill(plan.id));
}

(async () => {
	const browser = await chromium.launchPersistentContext(plan.profile, {
		executablePath: process.argv[3], headless: true, viewport: { width: 1100, height: 900 }, colorScheme: 'light',
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync'],
	});
	const page = await browser.newPage();

	page.setDefaultTimeout(60000);
	// that a right is missing is told by a status, which a browser reports as an error
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type()) && !/status of 40[134]/.test(message.text()))
			seen.complaints.push(message.text());
	});
	page.on('pageerror', (error) => seen.complaints.push(String(error)));
	page.on('request', (request) => { if (!request.url().startsWith(plan.url) && !request.url().startsWith('data:')) seen.elsewhere.push(request.url()); });
	try {
		await ourPage(page);
		await hostile(page);
		await swagger(page);
	} catch (error) {
		seen.failed = String(error.stack);
		await page.screenshot({ path: join(plan.shots, 'failed.png') }).catch(() => {});
	}
	await browser.close();
	process.stdout.write(JSON.stringify(seen));
})();
