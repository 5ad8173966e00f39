// The RPC surface of the orders Worker. shared/contracts/carts.ts and orders*.ts document each method.
import * as carts from "#shared/contracts/carts";
import * as orders from "#shared/contracts/orders";
import * as staff from "#shared/contracts/orders-staff";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { addItem, changeItem, clearCart, customerCart, getCart, openCart, removeItem } from "./service/cart.ts";
import { cancelOrder, changeStatus, setTracking } from "./service/commands.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { mergeCart } from "./service/merge.ts";
import { metrics, overview } from "./service/metrics.ts";
import { customerTotals, firstLines, getOrder, getTracking, listOrderPayments, listOrders } from "./service/orders.ts";
import { payOrder } from "./service/pay.ts";
import { createOrder } from "./service/place-order.ts";
import { quote } from "./service/quote.ts";
import { updateOrder } from "./service/references.ts";
import { refundLines } from "./service/refunds.ts";

export class OrdersRpc extends domainWorker<OrdersEnv, OrdersDeps, orders.OrdersContract>({
  createDeps,
  metrics,
  ...plan,
  methods: {
    overview,
    getCart: method(carts.GetCartInput, getCart),
    addItem: method(carts.AddItemInput, addItem),
    changeItem: method(carts.ChangeItemInput, changeItem),
    removeItem: method(carts.RemoveItemInput, removeItem),
    clearCart: method(carts.ClearCartInput, clearCart),
    mergeCart: method(carts.MergeCartInput, mergeCart),
    customerCart: method(staff.CustomerInput, customerCart),
    quote: method(orders.QuoteInput, quote),
    createOrder: method(orders.CreateOrderInput, createOrder),
    listOrders: method(orders.ListOrdersInput, listOrders),
    customerTotals: method(staff.CustomerInput, customerTotals),
    getOrder: method(orders.GetOrderInput, getOrder),
    firstLines: method(orders.FirstLinesInput, firstLines),
    getTracking: method(orders.GetOrderInput, getTracking),
    cancelOrder: method(orders.CancelOrderInput, cancelOrder),
    changeStatus: method(staff.ChangeStatusInput, changeStatus),
    updateOrder: method(staff.UpdateOrderInput, updateOrder),
    setTracking: method(staff.SetTrackingInput, setTracking),
    refundLines: method(staff.RefundLinesInput, refundLines),
    payOrder: method(orders.PayOrderInput, payOrder),
    listOrderPayments: method(orders.GetOrderInput, listOrderPayments),
  },
}) {
  /** The cart's live upgrades, from the gateway only: see shared/sockets.ts. */
  override fetch(request: Request): Promise<Response> {
    return openCart(createDeps(this.env, this.ctx), request);
  }
}
