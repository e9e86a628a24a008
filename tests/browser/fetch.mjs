// fetch.mjs PAGE URL: what a page of another origin may read of the edge, over fetch.
import { withPage } from "./browser.mjs";

const [home, url] = process.argv.slice(2);

await withPage(async (page) => {
  await page.goto(home);
  const seen = await page.evaluate(async (edge) => {
    const said = async (path, options) => {
      try {
        const answer = await fetch(edge + path, options);
        const text = await answer.text();
        return { status: answer.status, id: answer.headers.has("x-request-id"), text };
      } catch (error) {
        return { refused: String(error) };
      }
    };
    const product = { unitPrice: { currencyCode: "GBP", units: "1" } };
    return {
      get: await said("/v1/products/7"),
      missing: await said("/v1/products/missing"),
      post: await said("/v1/products?product_id=new", {
        method: "POST",
        headers: { "content-type": "application/json", "x-request-id": "7" },
        body: JSON.stringify(product),
      }),
      header: await said("/v1/products/7", { headers: { "x-mine": "1" } }),
    };
  }, url);
  console.log(JSON.stringify(seen));
});
