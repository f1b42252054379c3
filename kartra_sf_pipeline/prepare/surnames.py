"""Surnames and given names that tell how a whole name divides where position alone does not.

Short lists of the most frequent ones, folded (lower case, no accents): they are evidence, not a
directory. What they do not know is divided as most names are.
"""

from __future__ import annotations

from typing import Final

from kartra_sf_pipeline.prepare.text import word_set

# Where a person carries the surnames of both parents.
TWO_SURNAME_COUNTRIES: Final = word_set(
    "ES MX CO PE VE CL EC GT CU BO DO HN PY SV NI CR PA PR UY AR GQ PT BR AO MZ CV AD"
)
# Where a third name is mostly a middle name, whatever it looks like.
ENGLISH_COUNTRIES: Final = word_set("US CA GB AU NZ IE ZA")
CHINESE_COUNTRIES: Final = word_set("CN TW HK MO SG")

IBERIAN_SURNAMES: Final = word_set(
    """
    abreu acevedo acosta acuna aguado aguilar aguilera aguirre agustin alarcon alba alcantara
    alfaro alfonso allende almeida alonso alvarado alvarez alves alvim amador amaral amaya amor
    anaya andrade andres angulo antunes aparicio aragon aranda araujo arango araya arce arellano
    arenas arias arroyo arteaga avila ayala azevedo baez balboa ballesteros banderas baptista
    barajas barbosa barrera barrero barreto barrientos barrios barros barroso batista bautista
    becerra bejarano beltran benavente benavides benitez bermudez bernal blanco blasco bonilla
    borges borja botelho bravo briones brito bueno burgos bustamante bustos caballero cabello
    cabral cabrera caceres caldera calderon calero calvo camacho camargo campos canales candela
    cano cantu carballo carbajal cardenas cardona cardoso carmona caro carranza carrasco carrera
    carreras carrillo carrion carvajal carvalho casado casanova casas casillas castaneda castano
    castellanos castillo castro cavalcanti ceballos cepeda cerda cervantes chacon chavarria chavez
    cisneros coelho collado colon conde contreras cordeiro cordero cordoba cordova corona coronado
    corral correa correia cortes cortez costa couto crespo cruz cuellar cuenca cuesta cuevas cunha
    davila delgado dias diaz diez diniz domingues dominguez dominquez donoso dorado duarte duenas
    duran echeverria elizondo enriquez escalante escobar escobedo escudero espana espinosa
    espinoza esquivel esteban estevez estrada exposito fajardo farias felix fernandes fernandez
    ferrer ferrera ferreira ferrero figueiredo figueroa flores fonseca fontes franco freitas
    freire frias fuentes fuertes furtado galan galindo gallardo gallego gallegos galvan gamez
    garay garcia garrido garza gaspar gastelum gil gimenez giraldo godinez godoy gomes gomez
    gonzales gonzalez gonzalo goncalves gracia granados guerra guerrero guevara guillen guimaraes
    gutierrez guzman haro henriques henriquez heredia hernandes hernandez herrera herrero hidalgo
    hinojosa holguin huerta hurtado ibanez ibarra iglesias izquierdo jaimes jaramillo jerez
    jimenez juarez jurado lara lasa leal ledesma leite leiva lemos leon lima linares lira llamas
    llorente lobato lobo londono lopes lopez lorca lorenzo losada lozano lucas lucero lucio luengo
    lugo luna machado macedo macias madrigal maia maldonado mancilla manrique manso manzano marin
    marino marques marquez marrero martin martinez martins mata mateo mateos matos matthes
    medeiros medina medrano mejia mejias melendez melo mena mendes mendez mendoza menendez menezes
    mercado merino mesa meza millan mira miranda molina monroy monsalve montalvo montano monteiro
    montenegro montero montes montoya mora moraes morales moran moreira moreno morillo moros
    mosquera mota moura moya munguia muniz munoz murillo naranjo narvaez nascimento navarrete
    navarro nevado neves nieto nieves nogueira noguera nogueras novoa nunes nunez obando ocampo
    ochoa ojeda oliva olivares oliveira oliver olivera olmos ontiveros ordonez orellana orozco
    orta ortega ortiz osorio osuna otero oviedo pacheco padilla padron paez palacios palma
    palomino palomo pantoja pardo paredes parra pascual pastor patino paz pedraza pedrosa peixoto
    pelaez pelayo pena peralta perea pereira perera peres perez picasso piedra pimentel pina
    pineda pinheiro pinto pinzon plaza polanco polo ponce portillo posada prado prieto puente puig
    pulido quesada quevedo quezada quijano quintana quintanilla quintero quiroga quiros quiroz
    ramirez ramos rangel raposo rebolledo redondo rego reina reis requena restrepo rey reyes
    reynoso ribas ribeiro ribera rico riera rincon rios riquelme rivas rivera rivero robledo
    robles rocha rodrigues rodriguez rojas roldan roman romero rosado rosales rosario rosas roura
    rubio rueda ruiz ruz saavedra saenz saez sainz salas salazar salcedo salgado salinas salmeron
    salvador samaniego sampaio sanabria sanchez sancho sandoval santamaria santana santiago santos
    sanz saldana saraiva sarmiento segovia segura sepulveda serna serra serrano sevilla sierra
    silva silveira simoes slim soares sola solano soler solis solorzano soria soriano sosa sotelo
    soto sousa souza suarez tamayo tapia tavares teixeira tejada tejeda tejera tellez tello tirado
    toledo tome toro torrado torre torrents torres tovar trejo trevino trigo trillo trindade
    trujillo uribe urrutia valdes valdez valdivia valencia valente valentin valenzuela valero
    valle vallejo valls valverde varela vargas vasconcelos vasquez vaz vazquez vega vela velasco
    velasquez velazquez velez vera verdugo vergara vicente vidal vieira viera vigil villa villalba
    villalobos villanueva villar villareal villarreal villegas vivas yanez ybarra yepes zambrano
    zamora zamorano zapata zapatero zaragoza zarate zavala zayas zuniga zurita
    """
)
IBERIAN_GIVEN_NAMES: Final = word_set(
    """
    abel abigail abril adela adolfo adrian adriana afonso agustin aida aitana aitor alba alberto
    alejandra alejandro alessandra alexandra alexandre alexis alfonso alfredo alicia alma alvaro
    amalia amanda amelia amparo ana anabel andre andrea andreia andres angel angela angeles
    angelica anibal antonia antonio araceli ariana armando arturo asuncion augusto aurelio aurora
    axel barbara beatriz belen benito benjamin bento berenice bernardo blanca brenda bruna bruno
    caio camila camilo candela carina carla carlos carlota carmen carolina caroline catalina
    catarina cecilia celia cesar cintia clara claudia claudio clemente concepcion consuelo
    cristian cristiano cristina cristobal daniel daniela david debora delfina desiree diana diego
    dolores domingo dulce edgar edgardo eduarda eduardo efrain elena elias elisa elizabeth eloisa
    elsa elvira emilia emiliano emilio emma enrique enzo erica erick erika ernesto esmeralda
    esperanza esteban estefania estela ester esther eugenia eugenio eva evelyn fabian fabiana
    fabio fabiola fatima federico felipe felix fermin fernanda fernando fidel flavia flavio flor
    florencia francisca francisco gabriel gabriela gael genesis gerardo german gilberto giovanna
    gisela gloria gonzalo graciela gregorio guadalupe guilherme guillermo gustavo hector helena
    henrique heriberto hernan hilda hugo humberto ian ignacio igor ines inmaculada irene iris irma
    isaac isabel isabela isabella isaias isidro ismael israel ivan jacinto jacobo jaime javier
    jazmin jeronimo jesus jimena joana joao joaquim joaquin joel jordi jorge jose josefa josefina
    josue juan juana julia julian juliana julieta julio karen karina karla larissa laura lautaro
    leandro leonardo leonel leonor leopoldo leticia lidia liliana lorena lourdes lucas lucero
    lucia luciana luciano lucila luis luisa luiz luz macarena magdalena maite manoel manuel
    manuela marcela marcelo marcia marcio marco marcos margarita maria mariana mariano maribel
    maricela marina mario marisol marlene marta martha martin martina mateo mateus matheus matias
    mauricio maximiliano mayra melisa melissa mercedes micaela miguel miguelangel milagros mireia
    miriam moises monica montserrat murilo nahuel nancy natalia natividad nelson nerea nestor
    nicolas noelia noemi norma nuria octavio ofelia olga olivia omar orlando oscar otavio pablo
    paloma pamela paola patricia patricio paula paulina paulo pedro penelope perla pilar priscila
    rafael rafaela ramiro ramon raquel raul rebeca regina renan renata rene reynaldo ricardo
    rigoberto roberta roberto rocio rodolfo rodrigo rogelio romina rosa rosalia rosana rosario
    roxana ruben ruth samuel sandra santiago santino sara sarai saul sebastian selena sergio
    silvia simon socorro sofia sol soledad sonia stella susana tadeo tamara tania teodoro teresa
    thiago tomas trinidad ulises uriel valentin valentina valeria vanesa vanessa veronica vicente
    victor victoria vilma vinicius violeta virginia vitor viviana wendy wilfredo william xavier
    ximena yadira yago yesenia yolanda zoe
    """
)
VIETNAMESE_SURNAMES: Final = word_set(
    """
    nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly dinh trinh truong luu
    mai dao doan vuong trieu lam luong cao chau phung ta thai quach
    """
)
# Letters that Vietnamese alone writes.
VIETNAMESE_LETTERS: Final = r"(?i)[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉĩịọỏốồổỗộớờởỡợụủũứừửữựỳỵỷỹ]"
KOREAN_SURNAMES: Final = word_set(
    """
    kim lee park choi jung jeong kang cho yoon yun jang lim im han oh seo shin kwon hwang ahn song
    yoo hong jeon moon son yang bae baek heo nam ban chung ryu roh noh
    """
)
CHINESE_SURNAMES: Final = word_set(
    """
    wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he gao lin luo zheng liang
    xie song tang deng han feng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei
    su lu ding ren yao shen zhong tan lai jin shi liao fan fang xia fu hou bai qin qiu kong xiang
    mao dai hao gong wen xi mo ou cui tao qian yan
    """
)
# A syllable of romanised Chinese: an initial and a final that go together.
PINYIN: Final = (
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhrzcsyw])?(?:ang|eng|ai|ei|ao|ou|an|en|a|i|u)"
    r"|(?:zh|ch|sh|[dtnlgkhrzcs])(?:uang|ong|uai|uan|ua|uo|ui|un|e)"
    r"|[bpmdtnljqxy](?:iang|iong|ing|ian|iao|in|ia|ie|iu|i)"
    r"|[jqxyln](?:uan|ue|un|u)|[bpmfw]o|y[eao]|yong)"
)
JAPANESE_SURNAMES: Final = word_set(
    """
    佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上
    木村 斎藤 斉藤 齋藤 齊藤 清水 山崎 阿部 安部 池田 橋本 山下 森田 石川 中島 中嶋 小川 前田 岡田
    長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 金子 岡本 藤原 三浦 中野 中川
    原田 松田 竹内 小野 田村 中山 和田 石田 上田 森本 柴田 酒井 工藤 横山 宮崎 宮本 内田 高木 安藤
    谷口 大野 丸山 今井 高田 藤本 武田 村田 上野 杉山 増田 平野 菅原 小島 千葉 久保 松井 岩崎 木下
    野口 松尾 菊地 菊池 野村 佐野 新井 大塚 古川 小山 桜井 松岡 水野 杉本 山内 西田 市川 浜田 大西
    服部 永井 五十嵐 北村 安田 川口 平田 川崎 東 本田 飯田 久保田 吉川 中田 岩田 沢田 澤田 辻 関
    矢野 吉村 田口 望月 福島 土屋 樋口 荒井 荒木 大橋 松村 石井 熊谷 早川 秋山 小池 大川 小松 片山
    西川 浅野 内藤 河野 本間 川村 菅野 広瀬 石原 岡崎 奥村 高野 黒田 青山 堀 尾崎 白石 内山 大島
    須藤 星野 大谷 桑原 平井 宮田 小沢 小澤 川上 篠原 津田 栗原 三宅 山中 天野 富田 成田 大久保
    田辺 上原 馬場 川島 西山 大石 岩本 吉岡 小田 坂口 東田 島田 関口 戸田 森下 松下 児玉 神田 川田
    土井 飯塚 村井 山村 大森 竹田 多田 石橋 杉田 吉野 三上 中西 福井 安達 小倉 徳永 小西 小野寺
    田島 宮川 前川 堀内 大山 河合 長田 榎本 田代 金井 武藤 永田 石塚 平山 植田 須田 古田 根本 上村
    高山 河村 落合 北川 宇野 今村 牧野 松永 三好 野田 稲垣 村山 水谷 滝沢 稲葉 横田 相沢 浅井 窪田
    菅 柳沢 岸本 津村 伊東 井口 早坂 西岡 向井 日高 長尾 榊原 織田 徳川 豊田 本多 深澤 深沢 三木
    笠原 新田 羽生 黒澤 黒沢 宮沢 宮澤 手塚 村松 梅田 梅原 江口 門脇 浦田 細川 三島 夏目 芥川 川端
    大江 太宰 安倍 岸田 菅田 石破 麻生 小泉 鳩山 福山 木戸 大沢 佐久間 長谷部 勅使河原 小笠原
    宇都宮 長谷 東海林 二宮 四宮 一ノ瀬 一条 九条 西園寺 綾瀬 新垣 米津 星 森 林 原 岡 南 北 谷 島
    堤 畑 沖 桂 泉 柳 牧 秦
    """
)
