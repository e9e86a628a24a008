// explorer.mjs URL SCREENSHOT: sends GetProduct from the explorer and prints what the page shows of
// the answer, and every host that was asked for something.
import { withPage } from "./browser.mjs";

const [url, screenshot] = process.argv.slice(2);

await withPage(async (page) => {
  const hosts = new Set();
  const problems = [];
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) hosts.add(new URL(request.url()).origin);
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });

  await page.goto(`${url}/docs`);
  const operation = page.locator("#operations-Catalog-catalog_v1_Catalog_GetProduct");
  await operation.locator(".opblock-summary-control").click();
  const id = operation.locator('input[placeholder="product"]');
  await id.fill("7");
  await operation.locator("button.execute").click();
  const shown = operation.locator(".live-responses-table .response");
  await shown.waitFor();
  const status = await shown.locator(".response-col_status").innerText();
  const body = await shown.locator(".highlight-code code").first().innerText();
  await page.screenshot({ path: screenshot });
  const operations = await page.locator(".opblock").count();
  console.log(JSON.stringify({ status, body, operations, hosts: [...hosts], problems }));
});
