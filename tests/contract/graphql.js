#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Holds GraphQL queries and their answers against GitHub's schema. stdin: {"schema": FILE, "calls": [{query, variables, answer}]};
// stdout: {"problems": [...], "queries": n, "bad_queries": n, "answers": n, "bad_answers": n}. Bad variants of each query and answer
// are made here, and one that is taken is a problem: so that a good one proves something.
"use strict";
const fs = require("fs");
const { isDeepStrictEqual } = require("util");
const graphql = require("graphql");

const input = JSON.parse(fs.readFileSync(0, "utf8"));
// The schema defines two fields twice, the same way: GitHub's own slip.
const schema = graphql.buildSchema(fs.readFileSync(input.schema, "utf8"), { assumeValidSDL: true });
// Scalars of GitHub's own, whose form the schema only tells in words.
const FORMS = { DateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, GitObjectID: /^[0-9a-f]{40}$/ };
for (const [name, form] of Object.entries(FORMS)) {
  schema.getType(name).serialize = (value) => {
    if (typeof value !== "string" || !form.test(value)) throw new TypeError(`${name} cannot be ${JSON.stringify(value)}`);
    return value;
  };
}
const out = { problems: [], queries: 0, bad_queries: 0, answers: 0, bad_answers: 0 };

// An answer is right when the query, executed over the answer itself, gives it back: then each field has the type that the schema says,
// nothing is null that must not be, nothing lacks and nothing is too many. Types that the query did not ask for are what we expect.
const CONCRETE = { Node: "Repository", GitObject: "Commit", Actor: "User" };
function answerProblems(document, variables, data) {
  const done = graphql.executeSync({
    schema, document, rootValue: data, variableValues: variables,
    fieldResolver: (source, _arguments, _context, info) => source[info.path.key],
    typeResolver: (value, _context, _info, type) => value.__typename ?? CONCRETE[type.name],
  });
  const problems = (done.errors ?? []).map((one) => `${(one.path ?? []).join("/")}: ${one.message}`);
  const plain = JSON.parse(JSON.stringify(done.data ?? null));
  return problems.length || isDeepStrictEqual(plain, data) ? problems : ["it has members that were not asked for, or lacks some"];
}

function queryProblems(query) {
  try {
    return graphql.validate(schema, graphql.parse(query)).map((one) => one.message);
  } catch (problem) {
    return [problem.message];
  }
}

// Queries that GitHub would refuse: one name at a time is unheard of, one variable of another type, one required argument left out.
function* badQueries(document) {
  const kinds = ["Field", "Argument", "EnumValue", "ObjectField", "NamedType", "FragmentSpread", "Variable"];
  const found = [];
  graphql.visit(document, { enter: (node) => { if (kinds.includes(node.kind)) found.push(node); } });
  for (const target of found) {
    const changed = graphql.visit(document, {
      enter: (node) => {
        if (node !== target) return undefined;
        if (node.kind === "EnumValue") return { ...node, value: "UNHEARD_OF" };
        return { ...node, name: { ...node.name, value: "unheardOf" } };
      },
    });
    yield [`${target.kind} ${target.name?.value ?? target.value}`, graphql.print(changed)];
  }
}

// Answers that the schema forbids: each leaf is a list of lists; each member is left out.
function* badAnswers(data) {
  const paths = [];
  (function walk(node, path) {
    if (node === null || typeof node !== "object") return void paths.push(path);
    for (const key of Object.keys(node)) walk(node[key], [...path, key]);
  })(data, []);
  for (const path of paths) {
    for (const change of [(parent, key) => { parent[key] = [[1]]; }, (parent, key) => { delete parent[key]; }]) {
      const copy = structuredClone(data);
      const parent = path.slice(0, -1).reduce((node, key) => node[key], copy);
      if (Array.isArray(parent)) continue;
      change(parent, path.at(-1));
      yield [path.join("/"), copy];
    }
  }
}

const seen = new Map(); // query -> was its answer's badness tried
for (const call of input.calls) {
  const problems = queryProblems(call.query);
  out.problems.push(...problems.map((one) => `a query: ${one}`));
  if (problems.length) continue;
  const document = graphql.parse(call.query);
  const isNew = !seen.has(call.query);
  if (isNew) {
    out.queries++;
    seen.set(call.query, false);
    for (const [what, query] of badQueries(document)) {
      out.bad_queries++;
      if (!queryProblems(query).length) out.problems.push(`a query with ${what} replaced was taken`);
    }
  }
  const data = call.answer?.data;
  if (!data) continue;
  out.answers++;
  out.problems.push(...answerProblems(document, call.variables, data).map((one) => `an answer of the stand-in: ${one}`));
  const isFull = /"(oid|permission)":/.test(JSON.stringify(data));
  if (seen.get(call.query) || !isFull) continue;
  seen.set(call.query, true);
  for (const [what, bad] of badAnswers(data)) {
    out.bad_answers++;
    if (!answerProblems(document, call.variables, bad).length) out.problems.push(`an answer with a bad ${what} was taken`);
  }
}
process.stdout.write(JSON.stringify(out));
