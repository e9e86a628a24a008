// openapi.mjs FILE: whether it is an OpenAPI document, as a published validator sees it.
import { Validator } from "@seriousme/openapi-schema-validator";

const validator = new Validator();
const { valid, errors } = await validator.validate(process.argv[2]);

if (!valid) {
  console.error(JSON.stringify(errors, null, 2));
  process.exit(1);
}
console.log(validator.version);
