// Drives the whole return flow with the npm package tiktok-shop-sdk against a simulator, and prints what came back.
// Arguments: one JSON object with api, control, app_key, app_secret, shop_id, code.
"use strict";

const { TikTokShopSDK, TikTokAPIError } = require("tiktok-shop-sdk");

const given = JSON.parse(process.argv[2]);
const HOSTS = ["https://open-api.tiktokglobalshop.com", "https://auth.tiktok-shops.com"];

// The package names the vendor's hosts in its code and hands its forms to fetch as a stream that fetch does not know.
// Both are mended from outside; what it signs and sends is its own.
const plainFetch = globalThis.fetch;
globalThis.fetch = (address, options = {}) => {
  const host = HOSTS.find((name) => address.startsWith(name));
  if (host === undefined) throw new Error(`not a call of the package: ${address}`);
  const body = options.body;
  const changed = body && typeof body.getBuffer === "function" ? { ...options, body: body.getBuffer() } : options;
  return plainFetch(given.api + address.slice(host.length), changed);
};

async function world(method, path, body) {
  const options = { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
  const answer = await plainFetch(given.control + path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}

const ask = (order, more = {}) =>
  world("POST", "/returns", { order_id: order.id, kind: "RETURN_AND_REFUND", shipment: "SELLER", ...more });
const place = (more = {}) =>
  world("POST", "/orders", { shop_id: given.shop_id, lines: [{ sku: "MUG-GRN", quantity: 2 }], ...more });

async function refused(call) {
  try {
    await call();
  } catch (error) {
    if (error instanceof TikTokAPIError) return error.code;
    throw error;
  }
  return 0;
}

async function login(seen) {
  const sdk = new TikTokShopSDK({ appKey: given.app_key, appSecret: given.app_secret });
  const first = await sdk.auth.getAccessToken({ auth_code: given.code, grant_type: "authorized_code" });
  const second = await sdk.auth.refreshAccessToken({
    refresh_token: first.data.refresh_token,
    grant_type: "refresh_token",
  });
  sdk.setAccessToken(second.data.access_token);
  const shops = (await sdk.shop.getAuthorizedShops()).data.shops;
  const uploader = new TikTokShopSDK({ appKey: given.app_key, appSecret: given.app_secret });
  uploader.setAccessToken(second.data.access_token);
  sdk.setShopCipher(shops.find((shop) => shop.id === given.shop_id).cipher);
  seen.seller = {
    used_code: await refused(() => sdk.auth.getAccessToken({ auth_code: given.code })),
    active: (await sdk.seller.getActiveShops()).data.shops.length,
    permissions: (await sdk.seller.getSellerPermissions()).data.permissions,
    assets: (await sdk.shop.getCategoryAssets()).data.category_assets.length,
  };
  return { sdk, uploader };
}

async function webhooks(sdk, seen) {
  const address = "http://127.0.0.1:9/hook";
  await sdk.event.updateShopWebhook({ event_type: "RETURN_STATUS_CHANGE", address });
  const there = (await sdk.event.getShopWebhooks()).data.webhooks;
  await sdk.event.deleteShopWebhook({ event_type: "RETURN_STATUS_CHANGE" });
  seen.webhooks = [there[0].address === address, (await sdk.event.getShopWebhooks()).data.webhooks.length];
}

async function orders(sdk, seen) {
  const order = await place();
  // An empty body is sent as {} and not signed.
  const list = (await sdk.order.getOrderList({ query: { page_size: 10 }, body: {} })).data;
  const detail = (await sdk.order.getOrderDetail({ ids: [order.id] })).data.orders[0];
  const external = { id: "1001", platform: "SHOPIFY", line_items: [{ id: "1", origin_id: order.line_ids[0] }] };
  await sdk.order.addExternalOrderReferences({ orders: [{ id: order.id, external_order: external }] });
  const linked = await sdk.order.getExternalOrderReferences({ order_id: order.id, query: { platform: "SHOPIFY" } });
  const query = { platform: "SHOPIFY", external_order_id: "1001" };
  const found = await sdk.order.searchOrderByExternalOrderReference(query);
  const parcels = await sdk.fulfillment.searchPackage({ query: { page_size: 10 }, body: {} });
  const price = await sdk.order.getPriceDetail({ order_id: order.id });
  seen.orders = {
    total: list.total_count,
    lines: detail.line_items.length,
    same_total: detail.payment.total_amount === price.data.total,
    linked: linked.data.external_orders[0].id,
    found: found.data.orders[0].id === order.id,
    parcels: parcels.data.packages.length,
  };
}

async function labelFor(sdk, returnId, provider) {
  const FormData = require("form-data");
  const form = new FormData();
  form.append("return_shipping_label", Buffer.from("%PDF-1.4 label"), { filename: "label.pdf" });
  form.append("tracking_number", "1Z999");
  form.append("return_provider_id", provider);
  const path = "/return_refund/202405/returns/shipping_documents";
  const answer = await sdk.requestMultipart({ method: "POST", path, query: { return_ids: returnId }, body: form });
  if (answer.code !== 0) throw new Error(`label: ${answer.code} ${answer.message}`);
}

async function accepted(sdk, seen) {
  const order = await place();
  const open = await ask(order);
  const eligible = await sdk.return_refund.getAftersaleEligibility({ order_id: order.id, query: {} });
  const search = { query: { page_size: 10, sort_field: "update_time", sort_order: "DESC" } };
  const rows = (await sdk.return_refund.searchReturn({ ...search, body: { return_ids: [open.id] } })).data;
  const approve = (decision, key) =>
    sdk.return_refund.approveReturn({ return_id: open.id, query: { idempotency_key: key }, body: { decision } });
  await approve("APPROVE_RETURN", "one");
  await approve("APPROVE_RETURN", "one");
  const houses = (await sdk.logistic.getWarehouseList()).data.warehouses;
  const options = (await sdk.logistic.getWarehouseDeliveryOptions(houses[0].id)).data.delivery_options;
  const carriers = (await sdk.logistic.getShippingProviders(options[0].id)).data.shipping_providers;
  await labelFor(sdk, open.id, carriers[0].id);
  await world("POST", `/returns/${open.id}/ship`);
  const early = await refused(() => approve("APPROVE_RECEIVED_PACKAGE", "two"));
  await world("POST", `/returns/${open.id}/deliver`);
  await approve("APPROVE_RECEIVED_PACKAGE", "three");
  await world("POST", "/clock", { step_seconds: 86400 });
  const end = (await sdk.return_refund.searchReturn({ ...search, body: { return_ids: [open.id] } })).data;
  const records = (await sdk.return_refund.getReturnRecord({ return_id: open.id, query: {} })).data.records;
  seen.accepted = {
    id: open.id,
    eligible: eligible.data.sku_eligibility[0].line_item_eligibility.some((row) => row.ineligible_code === 25001011),
    before: rows.return_orders[0].return_status,
    early,
    after: end.return_orders[0].return_status,
    tracking: end.return_orders[0].return_tracking_number,
    records: records.length,
  };
}

async function rejected(sdk, uploader, seen) {
  const open = await ask(await place(), { auto_approve: true, shipment: "PLATFORM" });
  await world("POST", `/returns/${open.id}/ship`);
  await world("POST", `/returns/${open.id}/deliver`);
  const picture = { data: Buffer.from([0xff, 0xd8, 0xff, 0xe0]), use_case: "DESCRIPTION_IMAGE" };
  const uri = (await uploader.product.uploadProductImage(picture)).data.uri;
  const reasons = (await sdk.return_refund.getRejectReasons({ return_or_cancel_id: open.id })).data.reasons;
  const image = { image_id: uri, mime_type: "image/jpeg", width: 10, height: 10 };
  const body = { decision: "REJECT_RECEIVED_PACKAGE", reject_reason: reasons[4].name, comment: "torn", images: [image] };
  await sdk.return_refund.rejectReturn({ return_id: open.id, query: { idempotency_key: "four" }, body });
  seen.rejected = { id: open.id, uri, reason: reasons[4].name };
}

async function started(sdk, seen) {
  const order = await place();
  const skus = [{ sku_id: order.wire.line_items[0].sku_id, quantity: 1 }];
  const reason = "ecom_order_delivered_refund_reason_damaged_seller";
  const sum = { order_id: order.id, request_type: "REFUND", reason_name: reason, skus };
  const cost = (await sdk.return_refund.calculateCancellation(sum)).data.order_refund_amount;
  const body = { order_id: order.id, return_type: "REFUND", return_reason: reason, skus };
  const made = (await sdk.return_refund.createReturn({ query: { idempotency_key: "five" }, body })).data;
  seen.started = { id: made.return_id, status: made.return_status, cost: cost.refund_total };
}

async function cancelled(sdk, seen) {
  const waiting = () => place({ status: "AWAITING_SHIPMENT" });
  const yes = await world("POST", "/cancellations", { order_id: (await waiting()).id });
  const no = await world("POST", "/cancellations", { order_id: (await waiting()).id });
  await sdk.return_refund.approveCancellation({ cancel_id: yes.id, query: { idempotency_key: "six" } });
  const reasons = (await sdk.return_refund.getRejectReasons({ return_or_cancel_id: no.id })).data.reasons;
  const body = { reject_reason: reasons[0].name };
  await sdk.return_refund.rejectCancellation({ cancel_id: no.id, query: { idempotency_key: "seven" }, body });
  const mine = await sdk.return_refund.cancelOrder({
    order_id: (await waiting()).id,
    cancel_reason: "seller_cancel_reason_out_of_stock",
  });
  const rows = (await sdk.return_refund.searchCancellation({ query: { page_size: 50 }, body: {} })).data.cancellations;
  const status = (id) => rows.find((row) => row.cancel_id === id).cancel_status;
  seen.cancelled = [status(yes.id), status(no.id), mine.data.cancel_status];
}

async function money(sdk, seen) {
  await world("POST", "/clock", { step_seconds: 86400 });
  const statements = (await sdk.finance.getStatements({ sort_field: "statement_time", page_size: 20 })).data.statements;
  const query = { sort_field: "order_create_time", page_size: 100 };
  const pages = statements.map((row) => sdk.finance.getTransactionsByStatement({ statement_id: row.id, query }));
  const lines = (await Promise.all(pages)).flatMap((page) => page.data.transactions);
  const refunded = lines.find((line) => Number(line.revenue_amount) < 0);
  const ofOrder = (await sdk.finance.getTransactionsByOrder(refunded.order_id)).data;
  const payments = (await sdk.finance.getPayments({ sort_field: "create_time", page_size: 20 })).data.payments;
  seen.money = { statements: statements.length, of_order: ofOrder.order_id === refunded.order_id, payments: payments.length };
}

async function goods(sdk, seen) {
  const found = await sdk.product.searchProducts({ query: { page_size: 10 }, body: { seller_skus: ["MUG-GRN"] } });
  const sku = found.data.products[0].skus.find((row) => row.seller_sku === "MUG-GRN");
  const stock = (await sdk.product.searchInventory({ sku_ids: [sku.id] })).data.inventory[0].skus[0];
  seen.goods = { products: found.data.products.length, stock: stock.total_available_quantity };
}

async function main() {
  const seen = {};
  const { sdk, uploader } = await login(seen);
  await webhooks(sdk, seen);
  await orders(sdk, seen);
  await accepted(sdk, seen);
  await rejected(sdk, uploader, seen);
  await started(sdk, seen);
  await cancelled(sdk, seen);
  await money(sdk, seen);
  await goods(sdk, seen);
  const stranger = new TikTokShopSDK({ appKey: given.app_key, appSecret: `${given.app_secret}x` });
  seen.wrong_secret = await refused(() => stranger.shop.getAuthorizedShops());
  process.stdout.write(JSON.stringify(seen));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
