// The catalog's RPC surface. shared/contracts/catalog*.ts document each method.
import { z } from "zod";
import type { Call } from "#shared/call";
import { GetProductInput, ListProductsInput, PricedProductsInput } from "#shared/contracts/catalog";
import type {
  Brand,
  CatalogContract,
  CategoryNode,
  PricedProduct,
  ProductDetail,
  ProductPage,
} from "#shared/contracts/catalog";
import {
  AddImageInput,
  ArchiveProductInput,
  CreateProductInput,
  ImageFileInput,
  ListManagedInput,
  ManagedProductInput,
  RemoveImageInput,
  UpdateImageInput,
  UpdateProductInput,
} from "#shared/contracts/catalog-staff";
import type {
  ImageFile,
  ManagedImage,
  ManagedImages,
  ManagedProduct,
  ManagedProductPage,
} from "#shared/contracts/catalog-staff";
import {
  BrandInput,
  CategoryInput,
  NewBrand,
  NewCategory,
  UpdateBrandInput,
  UpdateCategoryInput,
} from "#shared/contracts/catalog-taxonomy";
import type { ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import type { Outcome } from "#shared/errors";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createBrand, deleteBrand, listBrands, updateBrand } from "./service/brands.ts";
import { createCategory, deleteCategory, listCategories, updateCategory } from "./service/categories.ts";
import { createProduct } from "./service/create-product.ts";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { metrics } from "./service/metrics.ts";
import { addImage, imageFile, removeImage, updateImage } from "./service/images.ts";
import { listManagedProducts, listProducts } from "./service/listing.ts";
import { archiveProduct, managedProduct, updateProduct } from "./service/manage.ts";
import { getProduct, pricedProducts } from "./service/products.ts";

const Base = domainWorker<CatalogEnv, CatalogDeps>({ createDeps, metrics, ...plan });

export class CatalogRpc extends Base implements CatalogContract {
  listProducts(call: Call, input: z.input<typeof ListProductsInput>): Promise<Outcome<ProductPage>> {
    return serve(createDeps(this.env, this.ctx), "listProducts", call, ListProductsInput, input, listProducts);
  }

  getProduct(call: Call, input: z.input<typeof GetProductInput>): Promise<Outcome<ProductDetail>> {
    return serve(createDeps(this.env, this.ctx), "getProduct", call, GetProductInput, input, getProduct);
  }

  listCategories(call: Call): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>> {
    return serve(createDeps(this.env, this.ctx), "listCategories", call, z.undefined(), undefined, listCategories);
  }

  listBrands(call: Call): Promise<Outcome<{ readonly items: readonly Brand[] }>> {
    return serve(createDeps(this.env, this.ctx), "listBrands", call, z.undefined(), undefined, listBrands);
  }

  pricedProducts(call: Call, input: z.input<typeof PricedProductsInput>): Promise<Outcome<readonly PricedProduct[]>> {
    return serve(createDeps(this.env, this.ctx), "pricedProducts", call, PricedProductsInput, input, pricedProducts);
  }

  createProduct(
    call: Call,
    input: z.input<typeof CreateProductInput>,
  ): Promise<Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>> {
    return serve(createDeps(this.env, this.ctx), "createProduct", call, CreateProductInput, input, createProduct);
  }

  updateProduct(call: Call, input: z.input<typeof UpdateProductInput>): Promise<Outcome<ManagedProduct>> {
    return serve(createDeps(this.env, this.ctx), "updateProduct", call, UpdateProductInput, input, updateProduct);
  }

  archiveProduct(call: Call, input: z.input<typeof ArchiveProductInput>): Promise<Outcome<ManagedProduct>> {
    return serve(createDeps(this.env, this.ctx), "archiveProduct", call, ArchiveProductInput, input, archiveProduct);
  }

  managedProduct(call: Call, input: z.input<typeof ManagedProductInput>): Promise<Outcome<ManagedProduct>> {
    return serve(createDeps(this.env, this.ctx), "managedProduct", call, ManagedProductInput, input, managedProduct);
  }

  listManagedProducts(call: Call, input: z.input<typeof ListManagedInput>): Promise<Outcome<ManagedProductPage>> {
    return serve(
      createDeps(this.env, this.ctx),
      "listManagedProducts",
      call,
      ListManagedInput,
      input,
      listManagedProducts,
    );
  }

  addImage(
    call: Call,
    input: z.input<typeof AddImageInput>,
  ): Promise<Outcome<{ readonly image: ManagedImage; readonly added: boolean }>> {
    return serve(createDeps(this.env, this.ctx), "addImage", call, AddImageInput, input, addImage);
  }

  updateImage(call: Call, input: z.input<typeof UpdateImageInput>): Promise<Outcome<ManagedImages>> {
    return serve(createDeps(this.env, this.ctx), "updateImage", call, UpdateImageInput, input, updateImage);
  }

  removeImage(call: Call, input: z.input<typeof RemoveImageInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "removeImage", call, RemoveImageInput, input, removeImage);
  }

  imageFile(call: Call, input: z.input<typeof ImageFileInput>): Promise<Outcome<ImageFile>> {
    return serve(createDeps(this.env, this.ctx), "imageFile", call, ImageFileInput, input, imageFile);
  }

  createCategory(call: Call, input: z.input<typeof NewCategory>): Promise<Outcome<ManagedCategory>> {
    return serve(createDeps(this.env, this.ctx), "createCategory", call, NewCategory, input, createCategory);
  }

  updateCategory(call: Call, input: z.input<typeof UpdateCategoryInput>): Promise<Outcome<ManagedCategory>> {
    return serve(createDeps(this.env, this.ctx), "updateCategory", call, UpdateCategoryInput, input, updateCategory);
  }

  deleteCategory(call: Call, input: z.input<typeof CategoryInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "deleteCategory", call, CategoryInput, input, deleteCategory);
  }

  createBrand(call: Call, input: z.input<typeof NewBrand>): Promise<Outcome<Brand>> {
    return serve(createDeps(this.env, this.ctx), "createBrand", call, NewBrand, input, createBrand);
  }

  updateBrand(call: Call, input: z.input<typeof UpdateBrandInput>): Promise<Outcome<Brand>> {
    return serve(createDeps(this.env, this.ctx), "updateBrand", call, UpdateBrandInput, input, updateBrand);
  }

  deleteBrand(call: Call, input: z.input<typeof BrandInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "deleteBrand", call, BrandInput, input, deleteBrand);
  }
}
