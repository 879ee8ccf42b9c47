import { join } from 'node:path';
import { quotedString } from '@duckdb/node-api';
import type { publicDataSets } from './names.ts';

/** Public orders that the benchmark trains risk on; one row an order, a column for each name. */
export interface DataSet {
  readonly name: (typeof publicDataSets)[number];
  /** Promised days that split the orders. */
  readonly validFrom: string;
  readonly testFrom: string;
  /** The category whose past late rate is the simple forecast. */
  readonly carrier: string;
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  /** SQL for the columns merchant, id, ordered, promised, delivered, and every number and category. */
  sql(dataFolder: string): string;
}

/**
 * HIV drugs and tests bought for 43 countries (USAID), split as the public floors are.
 *
 * The file has the day of the order for half of the rows, and written in three ways; a forecast is taken to be made 60 days before the promised day.
 */
const scms: DataSet = {
  name: 'scms_delivery',
  validFrom: '2013-01-01',
  testFrom: '2014-01-01',
  carrier: 'vendor',
  numbers: ['pack', 'price', 'quantity', 'value', 'weight'],
  categories: ['brand', 'incoterm', 'kind', 'mode', 'product', 'site', 'vendor', 'via'],
  sql: (dataFolder) => {
    const file = join(dataFolder, 'scms_delivery', 'SCMS_Delivery_History_Dataset.parquet');
    const day = (column: string) => `CAST(strptime(${column}, '%d-%b-%y') AS DATE)`;
    return `SELECT "Country" AS merchant, "ID" AS id, ${day('"Scheduled Delivery Date"')} AS promised, ${day('"Delivered to Client Date"')} AS delivered,
        CAST(promised - 60 AS DATE) AS ordered, "Unit of Measure (Per Pack)" AS pack, "Unit Price" AS price, "Line Item Quantity" AS quantity,
        "Line Item Value" AS value, "Weight (Kilograms)" AS weight, "Brand" AS brand, "Vendor INCO Term" AS incoterm, "Sub Classification" AS kind,
        "Shipment Mode" AS mode, "Molecule/Test Type" AS product, "Manufacturing Site" AS site, "Vendor" AS vendor, "Fulfill Via" AS via
      FROM ${quotedString(file)}`;
  },
};

/** Delivered orders of a Brazilian marketplace by seller; the weight and size are those of one of the products. */
const olist: DataSet = {
  name: 'olist',
  validFrom: '2018-03-01',
  testFrom: '2018-05-01',
  carrier: 'seller',
  numbers: ['distance', 'freight', 'items', 'price', 'shipDays', 'volume', 'weight'],
  categories: ['category', 'seller', 'state'],
  sql: (dataFolder) => {
    const table = (name: string) => quotedString(join(dataFolder, 'olist', `${name}.parquet`));
    const place = (prefix: string, name: string) =>
      `LEFT JOIN ${table('geolocation_one_per_prefix')} ${name} ON CAST(${name}.geolocation_zip_code_prefix AS INTEGER) = CAST(${prefix} AS INTEGER)`;
    const squaredSine = (column: string) => `pow(sin(radians(b.${column} - a.${column}) / 2), 2)`;
    const cosine = (name: string) => `cos(radians(${name}.geolocation_lat))`;
    const distance = `12742 * asin(sqrt(${squaredSine('geolocation_lat')} + ${cosine('a')} * ${cosine('b')} * ${squaredSine('geolocation_lng')}))`;
    return `WITH items AS (
        SELECT order_id, seller_id, count(*) AS items, sum(price) AS price, sum(freight_value) AS freight, max(product_id) AS product_id,
          min(shipping_limit_date) AS ship_by
        FROM ${table('order_items')} GROUP BY order_id, seller_id
      )
      SELECT seller_state AS merchant, order_id || '/' || seller_id AS id, CAST(order_purchase_timestamp AS DATE) AS ordered,
        CAST(order_estimated_delivery_date AS DATE) AS promised, CAST(order_delivered_customer_date AS DATE) AS delivered, ${distance} AS distance,
        freight, items, price, date_diff('day', CAST(order_purchase_timestamp AS DATE), CAST(ship_by AS DATE)) AS shipDays,
        product_length_cm * product_height_cm * product_width_cm AS volume, product_weight_g AS weight, product_category_name AS category,
        seller_id AS seller, customer_state AS state
      FROM ${table('orders_sample')} JOIN items USING (order_id) JOIN ${table('sellers')} USING (seller_id) JOIN ${table('customers')} USING (customer_id)
        LEFT JOIN ${table('products')} USING (product_id) ${place('seller_zip_code_prefix', 'a')} ${place('customer_zip_code_prefix', 'b')}
      WHERE order_status = 'delivered' AND order_purchase_timestamp IS NOT NULL AND order_delivered_customer_date IS NOT NULL`;
  },
};

export const dataSets: readonly DataSet[] = [scms, olist];
