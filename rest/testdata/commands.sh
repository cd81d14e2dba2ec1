# What a client of the API sends. $HOST, $TOKEN and $WALLET are given; an answer that is not 200 says so in front of its command.

# answers 400: a top-up of nothing
curl --request POST \
  --url $HOST/v1/commerce/billing/wallets/$WALLET/wallet-transactions \
  --header "Authorization: Bearer $TOKEN" \
  --header 'Content-Type: application/json' \
  --data '{
  "type": "TOPUP"
}'

curl -X POST "$HOST/v1/commerce/billing/wallets/$WALLET/wallet-transactions" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN" \
-d '{
  "type": "TOPUP",
  "paid_credits": "200.0",
  "granted_credits": "100.0",
  "metadata": [
    {
      "key": "reason",
      "value": "customer purchase"
    }
  ]
}'

curl -X POST "$HOST/v1/commerce/billing/wallets/$WALLET/wallet-transactions" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN" \
-d '{
  "type": "VOID",
  "credits_to_void": "50.0",
  "metadata": [
    {
      "key": "reason",
      "value": "billing correction"
    }
  ]
}'

curl -X GET "$HOST/v1/commerce/billing/wallets/$WALLET/wallet-transactions" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN"

curl -X GET "$HOST/v1/commerce/billing/wallets?external_customer_id=5eb02857-a71e-4ea2-bcf9-1753842358&page=1&per_page=10" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN"

curl -X GET "$HOST/v1/commerce/billing/wallets/$WALLET" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN"

curl -X PUT "$HOST/v1/commerce/billing/wallets/$WALLET" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN" \
-d '{
  "name": "Updated Prepaid Wallet",
  "expiration_at": "2026-12-31T00:00:00Z",
  "applies_to": {
    "fee_types": [
      "SUBSCRIPTION",
      "CHARGE",
      "COMMITMENT"
    ]
  },
  "recurring_transaction_rules": [
    {
      "trigger": "THRESHOLD",
      "threshold_credits": "50.0",
      "paid_credits": "100.0"
    }
  ]
}'

curl -X DELETE "$HOST/v1/commerce/billing/wallets/$WALLET" \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer $TOKEN"
