// Asks one question with a client that is made of the OpenAPI document, and prints what it answers.
// It is compiled strictly, so that a document whose types are wrong fails here.
import createClient from "openapi-fetch";
import type { components, paths } from "./waystage.js";

type Step = components["schemas"]["waystage.funnel.v1.StepResult"];

const [baseUrl, token, site, stages, from, to] = process.argv.slice(2) as [
  string, string, string, string, string, string,
];
// Answers come in several formats; this client takes JSON, but where it says parseAs.
const client = createClient<paths, "application/json">({
  baseUrl, headers: { Authorization: `Bearer ${token}` },
});

function counts(steps: Step[] | undefined): (number | undefined)[] {
  return (steps ?? []).map((step) => step.count);
}

const posted = await client.POST("/v1/sites/{site}/funnels:ask", {
  params: { path: { site } },
  body: { words: { stages, from, to, by: ["persona"] } },
});
if (posted.error) throw new Error(posted.error.message);

const got = await client.GET("/v1/sites/{site}/funnels:ask", {
  params: { path: { site }, query: { stages, from, to } },
});
if (got.error) throw new Error(got.error.message);

const persons = await client.GET("/v1/sites/{site}/funnels:listPersons", {
  params: { path: { site }, query: { stages, from, to, stepNumber: 1 } },
});
if (persons.error) throw new Error(persons.error.message);

const csv = await client.GET("/v1/sites/{site}/funnels:ask", {
  params: { path: { site }, query: { stages, from, to, format: "csv" } },
  parseAs: "text",
});

const refused = await client.GET("/v1/sites/{site}/funnels:ask", {
  params: { path: { site }, query: { stages: "no_such_stage" } },
});

console.log(JSON.stringify({
  posted: counts(posted.data.steps),
  got: counts(got.data.steps),
  groups: (posted.data.groups ?? []).length,
  persons: persons.data.totalSize,
  tag: got.response.headers.get("ETag"),
  csv: csv.data,
  refused: refused.error?.message,
}));
