/** Sentences of a merchant's world, short and long, with accents, digits and punctuation. */
export const sentences: Readonly<Record<'English' | 'Chinese' | 'Portuguese', readonly string[]>> = {
  English: [
    'Red running shoes for children, size 34.',
    "Men's waterproof hiking boots with ankle support",
    'The parcel was left with a neighbour because nobody was at home at 18:45.',
    'Organic ground coffee, 500 g, dark roast',
    'Late deliveries rose by 12.5% in the week before Christmas, mostly on routes north of the river.',
    'A 65" television that doesn\'t fit into a normal car!',
    'Umbrella',
  ],
  Chinese: [
    '儿童红色跑步鞋,34码。',
    '男士防水登山靴',
    '包裹在18:45放在了邻居家,因为没有人在家。',
    '有机研磨咖啡,500克,深度烘焙',
    '圣诞节前一周,延迟送达的订单增加了百分之十二点五,大多在河以北的路线上。',
    '雨伞 (黑色) iPhone 手机壳',
    '这台电视机太大了!',
  ],
  Portuguese: [
    'Tênis de corrida vermelhos para crianças, tamanho 34.',
    'Botas de caminhada impermeáveis para homem',
    'A encomenda ficou com um vizinho porque não havia ninguém em casa às 18h45.',
    'Café moído biológico, 500 g, torrefação escura',
    'As entregas atrasadas subiram 12,5% na semana antes do Natal, sobretudo nas rotas a norte do rio.',
    'Guarda-chuva',
  ],
};
