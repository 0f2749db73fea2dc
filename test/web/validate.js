// node validate.js MODULES < TASKS: what is wrong with the values of tasks, a line for each that is.
//
// MODULES is a folder with node_modules, TASKS a JSON array of {label, openapi: document} or
// {label, file, schema, value}: an OpenAPI document to be looked at as one, or a value to be held
// against a schema of an OpenAPI or Swagger file, by its name.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { pathToFileURL } = require('url');
const { createRequire } = require('module');

const modules = join(process.argv[2], 'package.json');
const require_from = createRequire(pathToFileURL(modules));
const Ajv = require_from('ajv');
const addFormats = require_from('ajv-formats');
// a dependency of the other
const yaml = createRequire(require_from.resolve('@seriousme/openapi-schema-validator'))('yaml');
const files = new Map();

function read(file) {
  const text = readFileSync(file, 'utf8');

  return file.endsWith('.yaml') ? yaml.parse(text) : JSON.parse(text);
}

// One that has all schemas of a file; what OpenAPI adds to JSON Schema is no matter here.
function ajv_of(file) {
  if (!files.has(file)) {
    const ajv = new Ajv({ strict: false, allErrors: true });

    addFormats(ajv);
    ajv.addFormat('base64', /^[A-Za-z0-9+/]*={0,2}$/);
    ajv.addSchema(read(file), 'file');
    files.set(file, ajv);
  }
  return files.get(file);
}

function faults_of_value({ file, schema, value }) {
  const ajv = ajv_of(file);
  const at = ajv.getSchema(`file#/definitions/${schema}`) || ajv.getSchema(`file#/components/schemas/${schema}`);

  if (!at) return [`no schema ${schema}`];
  return at(value) ? [] : at.errors.map((e) => `${e.instancePath} ${e.message}`);
}

async function main() {
  const { Validator } = await import(pathToFileURL(require_from.resolve('@seriousme/openapi-schema-validator')));

  for (const task of JSON.parse(readFileSync(0, 'utf8'))) {
    let faults;

    if (task.openapi) {
      const result = await new Validator().validate(task.openapi);

      faults = result.valid ? [] : [].concat(result.errors).map((e) => (e.message ? `${e.instancePath} ${e.message}` : String(e)));
    } else {
      faults = faults_of_value(task);
    }
    for (const fault of faults) console.log(`${task.label}: ${fault}`);
  }
  console.log('done');
}

main();
