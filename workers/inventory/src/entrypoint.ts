// The RPC methods of inventory: each parses its input and calls its use case. shared/contracts/inventory.ts documents them.
import { z } from "zod";
import type { Call } from "#shared/call";
import {
  AdjustInput,
  AvailabilitiesInput,
  CountInput,
  HoldInput,
  ListLevelsInput,
  ListTransactionsInput,
  LowStockInput,
  ProductInput,
  ReleaseHoldInput,
  ReleaseInput,
  ReserveInput,
  SetThresholdInput,
} from "#shared/contracts/inventory";
import type {
  InventoryContract,
  Level,
  ListedLevel,
  ManualReservation,
  PublicLevel,
  Released,
  Transaction,
} from "#shared/contracts/inventory";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import type { Page } from "#shared/paging";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { adjust, count, setThreshold } from "./service/adjustments.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { metrics, overview } from "./service/metrics.ts";
import { hold, releaseHold } from "./service/holds.ts";
import { availabilities, level, listLevels, listLowStock, listTransactions } from "./service/levels.ts";
import { release, reserve } from "./service/manual.ts";

export class InventoryRpc
  extends domainWorker<InventoryEnv, InventoryDeps>({ createDeps, ...plan, metrics })
  implements InventoryContract
{
  override overview(call: Call): ReturnType<InventoryContract["overview"]> {
    return serve(createDeps(this.env, this.ctx), "overview", call, z.undefined(), undefined, overview);
  }

  hold(
    call: Call,
    input: z.input<typeof HoldInput>,
  ): Promise<Outcome<{ readonly expiresAt: string; readonly newlyHeld: readonly StockLine[] }>> {
    return serve(createDeps(this.env, this.ctx), "hold", call, HoldInput, input, hold);
  }

  releaseHold(call: Call, input: z.input<typeof ReleaseHoldInput>): Promise<Outcome<Released>> {
    return serve(createDeps(this.env, this.ctx), "releaseHold", call, ReleaseHoldInput, input, releaseHold);
  }

  level(
    call: Call,
    input: z.input<typeof ProductInput>,
  ): Promise<Outcome<Level & { readonly vendorId: string | null }>> {
    return serve(createDeps(this.env, this.ctx), "level", call, ProductInput, input, level);
  }

  availabilities(call: Call, input: z.input<typeof AvailabilitiesInput>): Promise<Outcome<readonly PublicLevel[]>> {
    return serve(createDeps(this.env, this.ctx), "availabilities", call, AvailabilitiesInput, input, availabilities);
  }

  reserve(call: Call, input: z.input<typeof ReserveInput>): Promise<Outcome<ManualReservation>> {
    return serve(createDeps(this.env, this.ctx), "reserve", call, ReserveInput, input, reserve);
  }

  release(call: Call, input: z.input<typeof ReleaseInput>): Promise<Outcome<Released>> {
    return serve(createDeps(this.env, this.ctx), "release", call, ReleaseInput, input, release);
  }

  adjust(
    call: Call,
    input: z.input<typeof AdjustInput>,
  ): Promise<Outcome<{ readonly level: Level; readonly replayed: boolean }>> {
    return serve(createDeps(this.env, this.ctx), "adjust", call, AdjustInput, input, adjust);
  }

  count(
    call: Call,
    input: z.input<typeof CountInput>,
  ): Promise<Outcome<{ readonly level: Level; readonly replayed: boolean }>> {
    return serve(createDeps(this.env, this.ctx), "count", call, CountInput, input, count);
  }

  setThreshold(call: Call, input: z.input<typeof SetThresholdInput>): Promise<Outcome<Level>> {
    return serve(createDeps(this.env, this.ctx), "setThreshold", call, SetThresholdInput, input, setThreshold);
  }

  listTransactions(call: Call, input: z.input<typeof ListTransactionsInput>): Promise<Outcome<Page<Transaction>>> {
    return serve(
      createDeps(this.env, this.ctx),
      "listTransactions",
      call,
      ListTransactionsInput,
      input,
      listTransactions,
    );
  }

  listLevels(call: Call, input: z.input<typeof ListLevelsInput>): Promise<Outcome<Page<ListedLevel>>> {
    return serve(createDeps(this.env, this.ctx), "listLevels", call, ListLevelsInput, input, listLevels);
  }

  listLowStock(call: Call, input: z.input<typeof LowStockInput>): Promise<Outcome<Page<ListedLevel>>> {
    return serve(createDeps(this.env, this.ctx), "listLowStock", call, LowStockInput, input, listLowStock);
  }
}
