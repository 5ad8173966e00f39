// The catalog's RPC surface. shared/contracts/catalog*.ts document each method.
import * as catalog from "#shared/contracts/catalog";
import * as staff from "#shared/contracts/catalog-staff";
import * as taxonomy from "#shared/contracts/catalog-taxonomy";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createBrand, deleteBrand, listBrands, updateBrand } from "./service/brands.ts";
import { createCategory, deleteCategory, listCategories, updateCategory } from "./service/categories.ts";
import { createProduct } from "./service/create-product.ts";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { addImage, imageFile, removeImage, updateImage } from "./service/images.ts";
import { listManagedProducts, listProducts } from "./service/listing.ts";
import { archiveProduct, managedProduct, updateProduct } from "./service/manage.ts";
import { metrics } from "./service/metrics.ts";
import { getProduct, pricedProducts } from "./service/products.ts";

export class CatalogRpc extends domainWorker<CatalogEnv, CatalogDeps, catalog.CatalogContract>({
  createDeps,
  metrics,
  ...plan,
  methods: {
    listProducts: method(catalog.ListProductsInput, listProducts),
    getProduct: method(catalog.GetProductInput, getProduct),
    pricedProducts: method(catalog.PricedProductsInput, pricedProducts),
    listCategories,
    listBrands,
    listManagedProducts: method(staff.ListManagedInput, listManagedProducts),
    managedProduct: method(staff.ManagedProductInput, managedProduct),
    createProduct: method(staff.CreateProductInput, createProduct),
    updateProduct: method(staff.UpdateProductInput, updateProduct),
    archiveProduct: method(staff.ArchiveProductInput, archiveProduct),
    addImage: method(staff.AddImageInput, addImage),
    updateImage: method(staff.UpdateImageInput, updateImage),
    removeImage: method(staff.RemoveImageInput, removeImage),
    imageFile: method(staff.ImageFileInput, imageFile),
    createCategory: method(taxonomy.NewCategory, createCategory),
    updateCategory: method(taxonomy.UpdateCategoryInput, updateCategory),
    deleteCategory: method(taxonomy.CategoryInput, deleteCategory),
    createBrand: method(taxonomy.NewBrand, createBrand),
    updateBrand: method(taxonomy.UpdateBrandInput, updateBrand),
    deleteBrand: method(taxonomy.BrandInput, deleteBrand),
  },
}) {}
