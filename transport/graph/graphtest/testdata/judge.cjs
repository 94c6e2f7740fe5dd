// Uses a server through Microsoft's own client, and prints what it saw as one
// line of JSON. Arguments: endpoint without version, token.
"use strict";
const { createHash } = require("crypto");
const graph = require("@microsoft/microsoft-graph-client");

const [, , base, token] = process.argv;
const client = graph.Client.init({
  baseUrl: base + "/",
  customHosts: new Set([new URL(base).hostname]),
  authProvider: (done) => done(null, token),
});

// pages follows nextLinks with the package's own iterator.
async function pages(first) {
  const all = [];
  const it = new graph.PageIterator(client, first, (v) => all.push(v) > 0);
  await it.iterate();
  return { all, deltaLink: it.getDeltaLink() };
}

async function main() {
  const out = {};
  const folders = await pages(await client.api("/me/mailFolders").top(2).get());
  out.folders = folders.all.map((f) => f.displayName);

  const list = await pages(await client.api("/me/mailFolders/inbox/messages").select("subject,receivedDateTime").orderby("receivedDateTime").top(3).get());
  out.subjects = list.all.map((m) => m.subject);
  const filtered = await client.api("/me/messages").filter("isRead eq false").count(true).get();
  out.unread = filtered["@odata.count"];

  const one = await client.api("/me/messages/" + list.all[0].id).expand("attachments").get();
  out.read = { subject: one.subject, from: one.from.emailAddress.address, body: one.body.content };
  const mime = await client.api("/me/messages/" + list.all[0].id + "/$value").responseType(graph.ResponseType.ARRAYBUFFER).get();
  out.mime = Buffer.from(mime).toString("utf8");

  // A large attachment, in ranges.
  const draft = await client.api("/me/messages").post({ subject: "large" });
  const data = Buffer.alloc(9 * 1024 * 1024 + 17, "0123456789abcdef");
  const file = new graph.FileUpload(data, "large.bin", data.length);
  const session = await graph.LargeFileUploadTask.createUploadSession(client, "/me/messages/" + draft.id + "/attachments/createUploadSession", {
    AttachmentItem: { attachmentType: "file", name: "large.bin", size: data.length },
  });
  let ranges = 0;
  const task = new graph.LargeFileUploadTask(client, file, session, {
    rangeSize: 3 * 1024 * 1024,
    uploadEventHandlers: { progress: () => ranges++ },
  });
  const result = await task.upload();
  out.location = result.location;
  out.ranges = ranges;
  const attachments = await client.api("/me/messages/" + draft.id + "/attachments").select("id,name,size").get();
  out.attachments = attachments.value.map((a) => a.name);
  const back = await client.api("/me/messages/" + draft.id + "/attachments/" + attachments.value[0].id + "/$value").responseType(graph.ResponseType.ARRAYBUFFER).get();
  const hash = (b) => createHash("sha256").update(Buffer.from(b)).digest("hex");
  out.same = hash(back) === hash(data);

  // Changes, round by round.
  const round = async (url) => pages(await client.api(url).header("Prefer", "odata.maxpagesize=3").get());
  let delta = await round("/me/mailFolders/inbox/messages/delta?$select=subject,isRead");
  out.delta = delta.all.length;
  await client.api("/me/messages/" + list.all[1].id).patch({ isRead: true });
  await client.api("/me/messages/" + list.all[2].id).delete();
  delta = await round(delta.deltaLink);
  out.changed = delta.all.filter((m) => !m["@removed"]).map((m) => [m.subject, m.isRead]);
  out.removed = delta.all.filter((m) => m["@removed"]).map((m) => m["@removed"].reason);

  const batch = new graph.BatchRequestContent([
    { id: "a", request: new Request("https://host/me/mailFolders/inbox", { method: "GET" }) },
    { id: "b", request: new Request("https://host/me/messages/AAMkbad", { method: "GET" }) },
  ]);
  const answers = new graph.BatchResponseContent(await client.api("/$batch").post(await batch.getContent()));
  out.batch = [answers.getResponseById("a").status, answers.getResponseById("b").status];

  try {
    await client.api("/me/messages/AAMkbad").get();
  } catch (e) {
    out.error = [e.statusCode, e.code];
  }
  console.log(JSON.stringify(out));
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
