// The RPC surface: each method parses its input and hands it to its use case.
import { z } from "zod";
import type { Call } from "#shared/call";
import {
  AddItemInput,
  CancelOrderInput,
  ChangeItemInput,
  ChangeStatusInput,
  ClearCartInput,
  CreateOrderInput,
  CustomerInput,
  GetCartInput,
  GetOrderInput,
  ListOrdersInput,
  MergeCartInput,
  PayOrderInput,
  QuoteInput,
  RefundLinesInput,
  RemoveItemInput,
  SetTrackingInput,
  UpdateOrderInput,
} from "#shared/contracts/orders";
import type { OrdersContract } from "#shared/contracts/orders";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { addItem, changeItem, clearCart, customerCart, getCart, openCart, removeItem } from "./service/cart.ts";
import { mergeCart } from "./service/merge.ts";
import { cancelOrder, changeStatus, setTracking } from "./service/commands.ts";
import { createOrder } from "./service/place-order.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { metrics, overview } from "./service/metrics.ts";
import { customerTotals, getOrder, getTracking, listOrderPayments, listOrders } from "./service/orders.ts";
import { payOrder } from "./service/pay.ts";
import { quote } from "./service/quote.ts";
import { updateOrder } from "./service/references.ts";
import { refundLines } from "./service/refunds.ts";

const Base = domainWorker<OrdersEnv, OrdersDeps>({ createDeps, metrics, ...plan });

type Answer<M extends keyof OrdersContract> = ReturnType<OrdersContract[M]>;

export class OrdersRpc extends Base implements OrdersContract {
  override overview(call: Call): ReturnType<OrdersContract["overview"]> {
    return serve(createDeps(this.env, this.ctx), "overview", call, z.undefined(), undefined, overview);
  }

  getCart(call: Call, input: z.input<typeof GetCartInput>): Answer<"getCart"> {
    return serve(createDeps(this.env, this.ctx), "getCart", call, GetCartInput, input, getCart);
  }

  addItem(call: Call, input: z.input<typeof AddItemInput>): Answer<"addItem"> {
    return serve(createDeps(this.env, this.ctx), "addItem", call, AddItemInput, input, addItem);
  }

  changeItem(call: Call, input: z.input<typeof ChangeItemInput>): Answer<"changeItem"> {
    return serve(createDeps(this.env, this.ctx), "changeItem", call, ChangeItemInput, input, changeItem);
  }

  removeItem(call: Call, input: z.input<typeof RemoveItemInput>): Answer<"removeItem"> {
    return serve(createDeps(this.env, this.ctx), "removeItem", call, RemoveItemInput, input, removeItem);
  }

  clearCart(call: Call, input: z.input<typeof ClearCartInput>): Answer<"clearCart"> {
    return serve(createDeps(this.env, this.ctx), "clearCart", call, ClearCartInput, input, clearCart);
  }

  mergeCart(call: Call, input: z.input<typeof MergeCartInput>): Answer<"mergeCart"> {
    return serve(createDeps(this.env, this.ctx), "mergeCart", call, MergeCartInput, input, mergeCart);
  }

  /** The cart's live upgrades, from the gateway only: see shared/sockets.ts. */
  override fetch(request: Request): Promise<Response> {
    return openCart(createDeps(this.env, this.ctx), request);
  }

  quote(call: Call, input: z.input<typeof QuoteInput>): Answer<"quote"> {
    return serve(createDeps(this.env, this.ctx), "quote", call, QuoteInput, input, quote);
  }

  createOrder(call: Call, input: z.input<typeof CreateOrderInput>): Answer<"createOrder"> {
    return serve(createDeps(this.env, this.ctx), "createOrder", call, CreateOrderInput, input, createOrder);
  }

  listOrders(call: Call, input: z.input<typeof ListOrdersInput>): Answer<"listOrders"> {
    return serve(createDeps(this.env, this.ctx), "listOrders", call, ListOrdersInput, input, listOrders);
  }

  customerTotals(call: Call, input: z.input<typeof CustomerInput>): Answer<"customerTotals"> {
    return serve(createDeps(this.env, this.ctx), "customerTotals", call, CustomerInput, input, customerTotals);
  }

  customerCart(call: Call, input: z.input<typeof CustomerInput>): Answer<"customerCart"> {
    return serve(createDeps(this.env, this.ctx), "customerCart", call, CustomerInput, input, customerCart);
  }

  getOrder(call: Call, input: z.input<typeof GetOrderInput>): Answer<"getOrder"> {
    return serve(createDeps(this.env, this.ctx), "getOrder", call, GetOrderInput, input, getOrder);
  }

  getTracking(call: Call, input: z.input<typeof GetOrderInput>): Answer<"getTracking"> {
    return serve(createDeps(this.env, this.ctx), "getTracking", call, GetOrderInput, input, getTracking);
  }

  cancelOrder(call: Call, input: z.input<typeof CancelOrderInput>): Answer<"cancelOrder"> {
    return serve(createDeps(this.env, this.ctx), "cancelOrder", call, CancelOrderInput, input, cancelOrder);
  }

  changeStatus(call: Call, input: z.input<typeof ChangeStatusInput>): Answer<"changeStatus"> {
    return serve(createDeps(this.env, this.ctx), "changeStatus", call, ChangeStatusInput, input, changeStatus);
  }

  updateOrder(call: Call, input: z.input<typeof UpdateOrderInput>): Answer<"updateOrder"> {
    return serve(createDeps(this.env, this.ctx), "updateOrder", call, UpdateOrderInput, input, updateOrder);
  }

  setTracking(call: Call, input: z.input<typeof SetTrackingInput>): Answer<"setTracking"> {
    return serve(createDeps(this.env, this.ctx), "setTracking", call, SetTrackingInput, input, setTracking);
  }

  refundLines(call: Call, input: z.input<typeof RefundLinesInput>): Answer<"refundLines"> {
    return serve(createDeps(this.env, this.ctx), "refundLines", call, RefundLinesInput, input, refundLines);
  }

  payOrder(call: Call, input: z.input<typeof PayOrderInput>): Answer<"payOrder"> {
    return serve(createDeps(this.env, this.ctx), "payOrder", call, PayOrderInput, input, payOrder);
  }

  listOrderPayments(call: Call, input: z.input<typeof GetOrderInput>): Answer<"listOrderPayments"> {
    return serve(createDeps(this.env, this.ctx), "listOrderPayments", call, GetOrderInput, input, listOrderPayments);
  }
}
