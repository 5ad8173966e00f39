// The RPC surface of inventory. shared/contracts/inventory.ts documents each method.
import * as inventory from "#shared/contracts/inventory";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { adjust, count, setThreshold } from "./service/adjustments.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { hold, releaseHold } from "./service/holds.ts";
import { availabilities, level, listLevels, listLowStock, listTransactions } from "./service/levels.ts";
import { release, reserve } from "./service/manual.ts";
import { metrics, overview } from "./service/metrics.ts";

export class InventoryRpc extends domainWorker<InventoryEnv, InventoryDeps, inventory.InventoryContract>({
  createDeps,
  metrics,
  ...plan,
  methods: {
    overview,
    hold: method(inventory.HoldInput, hold),
    releaseHold: method(inventory.ReleaseHoldInput, releaseHold),
    level: method(inventory.ProductInput, level),
    availabilities: method(inventory.AvailabilitiesInput, availabilities),
    reserve: method(inventory.ReserveInput, reserve),
    release: method(inventory.ReleaseInput, release),
    adjust: method(inventory.AdjustInput, adjust),
    count: method(inventory.CountInput, count),
    setThreshold: method(inventory.SetThresholdInput, setThreshold),
    listTransactions: method(inventory.ListTransactionsInput, listTransactions),
    listLevels: method(inventory.ListLevelsInput, listLevels),
    listLowStock: method(inventory.LowStockInput, listLowStock),
  },
}) {}
